import { copyFile, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EtcdSnapshot, parseEtcdSnapshot } from '../../common/etcd-snapshot.js';
import { asError, KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { writeFileAtomic } from '../../util/atomic-file.js';
import { keptSnapshots, surplusSnapshots } from '../../util/etcd-snapshots.js';
import { sha256File } from '../../util/sha256-file.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { etcdctl } from './etcdctl.js';
import { requireRoomHere, requireRoomOnHost } from './room.js';

/** Name of the log event that carries what was saved. */
export const etcdSnapshotReport = 'etcd:snapshot';

/** What the script of templates/ is told. `endpoint`: of the host's own member. */
export interface SnapshotSource {
  readonly cluster: string;
  readonly member: string;
  readonly endpoint: string;
  readonly dir: string;
  readonly keep: number;
  readonly kubernetesVersion: string;
}

/** `localDir`, `copyTo`: on the control machine. */
export interface SaveEtcdSnapshot extends SnapshotSource {
  readonly localDir: string;
  /** A further copy, beside those that are kept by number. */
  readonly copyTo?: string;
  /** Name of a snapshot that stays on the control machine, however old: it is about to be restored. */
  readonly spare?: string;
}

/** A snapshot as it was saved and fetched. */
export interface SavedEtcdSnapshot extends EtcdSnapshot {
  readonly host: string;
  readonly path: string;
  readonly localPath: string;
  readonly copy?: string;
}

/**
 * Saves a snapshot through the host's member, proves it there, and brings it to the control machine: it counts when it is
 * at both places with the same digest. Each run makes a new one; half-made ones of killed runs are removed first.
 */
export const saveEtcdSnapshot = defineStep<SaveEtcdSnapshot>({
  kind: 'etcd.snapshot',
  title: (p) => `Save a snapshot of etcd through ${p.member}`,
  policy: { timeoutMs: 3_600_000 },
  recheck: false,
  async precheck(ctx, p) {
    const size = await databaseBytes(ctx, p);
    await requireRoomOnHost(ctx, p.dir, size);
    await requireRoomHere(p.localDir, size);
    await refuseOverwriting(p);
    if (p.copyTo !== undefined) await requireRoomHere(dirname(p.copyTo), size);
    return needed('a snapshot is of now; each run makes its own');
  },
  async run(ctx, p) {
    const { snapshot, restoring } = await saveOnHost(ctx, p);
    const path = `${p.dir}/${snapshot.name}.db`;
    const localPath = join(p.localDir, `${snapshot.name}.db`);
    try {
      await fetchSnapshot(ctx, { snapshot, path, localPath });
      await removeSurplus(p, snapshot, restoring);
      if (p.copyTo !== undefined) await placeCopy(localPath, p.copyTo);
    } catch (error) {
      if (ctx.signal.aborted) throw error;
      const cause = asError(error);
      throw new KubexmError(
        error instanceof KubexmError ? error.code : 'TRANSFER_FAILED',
        `the snapshot of etcd is on ${ctx.host.name} (${path}), but not everywhere on this machine: ${cause.message}`,
        {
          cause,
          details: error instanceof KubexmError ? error.details : [],
          hint: `df -h ${p.localDir}; then run the same command again`,
        },
      );
    }
    const saved: SavedEtcdSnapshot = {
      ...snapshot,
      host: ctx.host.name,
      path,
      localPath,
      ...(p.copyTo === undefined ? {} : { copy: p.copyTo }),
    };
    ctx.log('debug', etcdSnapshotReport, saved as unknown as Json);
  },
});

/** A snapshot that lies on the host alone, such as one of the timer. */
export interface FetchEtcdSnapshot {
  readonly snapshot: EtcdSnapshot;
  readonly path: string;
  readonly localPath: string;
}

/** Brings a snapshot of a host to the control machine. */
export const fetchEtcdSnapshot = defineStep<FetchEtcdSnapshot>({
  kind: 'etcd.snapshot-fetch',
  title: (p) => `Fetch ${p.path}`,
  policy: { timeoutMs: 3_600_000 },
  async precheck(_ctx, p) {
    const there = await stat(p.localPath).catch(() => undefined);
    if (there && (await sha256File(p.localPath)) === p.snapshot.sha256) return satisfied('it is here already');
    await requireRoomHere(dirname(p.localPath), p.snapshot.size);
    return needed(there ? 'what is here has another checksum' : 'it is not here');
  },
  run: (ctx, p) => fetchSnapshot(ctx, p),
});

async function databaseBytes({ host, signal }: StepContext, p: SaveEtcdSnapshot): Promise<number> {
  const { stdout } = await host.run(etcdctl([p.endpoint], ['endpoint', 'status', '-w', 'json']), { signal });
  const size = Number(/"dbSize":(\d+)/.exec(stdout)?.[1]);
  if (Number.isFinite(size)) return size;
  throw new KubexmError('COMMAND_FAILED', `${host.name}: etcdctl endpoint status names no size`, {
    details: [stdout.slice(0, 300)],
  });
}

async function refuseOverwriting({ copyTo }: SaveEtcdSnapshot): Promise<void> {
  if (copyTo === undefined) return;
  const there = await stat(copyTo).catch(() => undefined);
  if (there)
    throw new KubexmError('USAGE', `${copyTo} is there already`, { hint: 'name another file', retryable: false });
  const directory = await stat(dirname(copyTo)).catch(() => undefined);
  if (directory?.isDirectory()) return;
  throw new KubexmError('USAGE', `${dirname(copyTo)} is no directory`, { hint: 'make it first', retryable: false });
}

/** `restoring`: SHA-256 of what a restore that is not over was made from. */
async function saveOnHost(
  ctx: StepContext,
  p: SaveEtcdSnapshot,
): Promise<{ readonly snapshot: EtcdSnapshot; readonly restoring: readonly string[] }> {
  const { host, signal } = ctx;
  const stdin = await ctx.template('etcd/backup.sh');
  const { stdout } = await host.run(
    sh`env KUBEXM_KIND=command KUBEXM_CLUSTER=${p.cluster} KUBEXM_MEMBER=${p.member} KUBEXM_ENDPOINT=${p.endpoint} KUBEXM_DIR=${p.dir} KUBEXM_KEEP=${p.keep} KUBEXM_KUBERNETES=${p.kubernetesVersion} sh -s`,
    { stdin, signal, long: true },
  );
  const snapshot = parseEtcdSnapshot(stdout.trim().split('\n').at(-1) ?? '');
  const [, named = ''] = /^restoring: (.*)$/m.exec(stdout) ?? [];
  if (snapshot) return { snapshot, restoring: named.split(' ') };
  throw new KubexmError('COMMAND_FAILED', `${host.name}: the backup script told nothing of its snapshot`, {
    details: [stdout.slice(-300)],
  });
}

async function fetchSnapshot(ctx: StepContext, { snapshot, path, localPath }: FetchEtcdSnapshot): Promise<void> {
  const directory = dirname(localPath);
  for (const file of await readdir(directory))
    if (file.startsWith('.partial-')) await rm(join(directory, file), { force: true });
  const partial = join(directory, `.partial-${snapshot.name}.db`);
  const progress = (done: number, total: number) => ctx.progress(done, total, 'bytes');
  await ctx.host.download(path, partial, { mode: 0o600, progress, signal: ctx.signal });
  const sha256 = await sha256File(partial, { signal: ctx.signal });
  if (sha256 !== snapshot.sha256) {
    await rm(partial, { force: true });
    throw new KubexmError(
      'TRANSFER_FAILED',
      `what arrived of ${path} has another checksum than it has on ${ctx.host.name}`,
      {
        details: [`on the host ${snapshot.sha256}`, `here ${sha256}`],
      },
    );
  }
  // The metadata first, as on the host: without it nobody would ever remove the snapshot.
  await writeFileAtomic(localPath.replace(/\.db$/, '.json'), `${JSON.stringify(snapshot)}\n`);
  await rename(partial, localPath);
}

async function removeSurplus(
  { localDir, keep, spare }: SaveEtcdSnapshot,
  { name: own, cluster, kind }: EtcdSnapshot,
  restoring: readonly string[],
): Promise<void> {
  // Never the one just fetched: by a clock that was set back it may be the oldest.
  const others = (await keptSnapshots(localDir)).filter(({ name }) => name !== own);
  for (const { name, sha256 } of surplusSnapshots(others, { cluster, kind, keep: Math.max(0, keep - 1) })) {
    if (name === spare || restoring.includes(sha256)) continue;
    await rm(join(localDir, `${name}.db`), { force: true });
    await rm(join(localDir, `${name}.json`), { force: true });
  }
}

async function placeCopy(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await copyFile(from, partial);
  await rename(partial, to);
  await writeFileAtomic(`${to.replace(/\.db$/, '')}.json`, await readFile(from.replace(/\.db$/, '.json')));
}
