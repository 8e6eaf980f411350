import { mkdir, statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import { etcdRestorePaths } from '../../common/etcd-restore.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';

/** A database grows while it is saved; and so many bytes are left beside it. */
const growth = 1.2;
const marginBytes = 16 * 1024 * 1024;

/** Two logs of 64 MiB each, which etcd makes beside restored data, and what else is small. */
const logBytes = 144 * 1024 * 1024;

/** Throws HOST_DISK_FULL where a directory of the host, which need not be there yet, has no room for a database. */
export async function requireRoomOnHost(ctx: StepContext, dir: string, size: number): Promise<void> {
  const [found] = await freeOn(ctx, [dir]);
  refuseFull({
    free: found?.free,
    needed: size * growth + marginBytes,
    where: `${dir} on ${ctx.host.name}`,
    hint: otherBackupDir,
  });
}

/** As `requireRoomOnHost`, of the control machine; makes the directory. */
export async function requireRoomHere(directory: string, size: number): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(directory);
  const where = `${directory} on this machine`;
  refuseFull({ free: bavail * bsize, needed: size * growth + marginBytes, where, hint: 'make room there' });
}

const otherBackupDir = 'make room there, or name another directory (etcd.backup.dir in the config)';

/** `bytes`: of the snapshot. `copies`: how often it is unpacked beside the data at the same time. */
export interface RequireRestoreRoom {
  readonly dataDir: string;
  readonly bytes: number;
  readonly copies: number;
}

/** Refuses a restore, before anything of it is done, where a host has no room for the snapshot and for what it is unpacked to. */
export const requireRestoreRoom = defineStep<RequireRestoreRoom>({
  kind: 'etcd.restore-room',
  title: () => 'Check that there is room for the restore',
  recheck: false,
  async precheck(ctx, p) {
    const upload = p.bytes * growth;
    const unpacked = p.copies * (p.bytes * growth + logBytes);
    // What comes beside the data is on their disk: where they are a mount point, it comes below it.
    const [uploads, data] = await freeOn(ctx, [posix.dirname(etcdRestorePaths.snapshot), p.dataDir]);
    const hint = 'make room there, then run the same command again: nothing was changed';
    const on = ctx.host.name;
    if (uploads && uploads.mount === data?.mount) {
      refuseFull({ free: uploads.free, needed: upload + unpacked, where: `${uploads.mount} on ${on}`, hint });
    } else {
      refuseFull({ free: uploads?.free, needed: upload, where: `${etcdRestorePaths.snapshot} on ${on}`, hint });
      refuseFull({ free: data?.free, needed: unpacked, where: `${p.dataDir} on ${on}`, hint });
    }
    return satisfied('there is');
  },
  run: () => Promise.resolve(),
});

/** Bytes free where each directory is or would be. */
async function freeOn(
  { host, signal }: StepContext,
  directories: readonly string[],
): Promise<readonly { readonly free: number; readonly mount: string }[]> {
  const { stdout } = await host.run(
    sh`for d in ${directories}; do
  while [ ! -d "$d" ]; do d=$(dirname -- "$d"); done
  df -Pk -- "$d" | awk 'NR == 2 { print $4, $6 }'
done`,
    { signal },
  );
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => /^(\d+) (.+)$/.exec(line));
  return found.map((match) => {
    if (match?.[2] !== undefined) return { free: Number(match[1]) * 1024, mount: match[2] };
    throw new KubexmError('COMMAND_FAILED', `${host.name}: df tells nothing of ${directories.join(', ')}`, {
      details: [stdout.slice(0, 300)],
    });
  });
}

function refuseFull({
  free,
  needed,
  where,
  hint,
}: {
  readonly free: number | undefined;
  readonly needed: number;
  readonly where: string;
  readonly hint: string;
}): void {
  if (free !== undefined && free >= needed) return;
  throw new KubexmError('HOST_DISK_FULL', `no room for a snapshot of etcd in ${where}`, {
    details: [`${mebibytes(free ?? 0)} are free, ${mebibytes(needed)} are needed`],
    hint,
    retryable: false,
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}
