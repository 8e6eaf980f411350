import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { EtcdSnapshot } from '../../common/etcd-snapshot.js';
import { formatBytes, formatDuration } from '../../logger/index.js';
import { type BackupObservation, etcdBackupsOf } from '../../pipeline/index.js';
import { keptSnapshots } from '../../util/etcd-snapshots.js';
import { sha256File } from '../../util/sha256-file.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { gatherFacts, withRuntime } from '../session.js';
import { table } from '../table.js';
import { refuseExternalEtcd } from './external.js';

interface BackupsOptions extends CommonOptions {
  readonly verify?: boolean;
}

/** A snapshot at one place. `host`: `here` is this machine. */
interface Listed {
  readonly snapshot: EtcdSnapshot;
  readonly host: string;
  readonly path: string;
  readonly intact: boolean;
}

/** `kubexm etcd backups`. Works with hosts down: what lies there is then unknown, and said so. */
export async function run({ options, io }: Invocation<BackupsOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  refuseExternalEtcd(cluster, 'look where its administrators keep its snapshots');
  const digests = options.verify === true;
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io, () => true);
    const observed = await readCluster(runtime, etcdBackupsOf({ digests }));
    const here = await localBackups(runtime.workDirs.etcdBackupsDir, cluster.metadata.name, digests);
    const all = [...here, ...onHosts(observed)].sort((a, b) => b.snapshot.time.localeCompare(a.snapshot.time));
    const { hosts, unknown } = observed;
    if (options.output === 'json') {
      const timers = hosts.map(({ host, timer, next, lastResult, lastSuccess }) => ({
        host,
        timer,
        next,
        lastResult,
        lastSuccess,
      }));
      printJson(io, { backups: all.map(({ snapshot, ...at }) => ({ ...snapshot, ...at })), timers, unknown });
    } else {
      print(
        io,
        all.length === 0 ? 'there are no backups' : backupsText(all, { cwd: io.cwd, digests, now: Date.now() }),
      );
      for (const line of timerLines(observed)) print(io, line);
    }
    for (const host of unknown) note(io, `what lies on ${host} is unknown: it did not answer`);
    if (unknown.length > 0) return 3;
    return all.every(({ intact }) => intact) ? 0 : 1;
  });
}

async function localBackups(dir: string, cluster: string, digests: boolean): Promise<readonly Listed[]> {
  const found = (await keptSnapshots(dir)).filter((snapshot) => snapshot.cluster === cluster);
  return Promise.all(
    found.map(async (snapshot) => {
      const path = join(dir, `${snapshot.name}.db`);
      const size = await stat(path).then(
        (file) => file.size,
        () => -1,
      );
      const intact = size === snapshot.size && (!digests || (await sha256File(path)) === snapshot.sha256);
      return { snapshot, host: 'here', path, intact };
    }),
  );
}

function onHosts({ hosts }: BackupObservation): readonly Listed[] {
  return hosts.flatMap(({ host, snapshots }) =>
    snapshots.map(({ path, intact, ...snapshot }) => ({ snapshot, host, path, intact })),
  );
}

function backupsText(
  all: readonly Listed[],
  { cwd, digests, now }: { readonly cwd: string; readonly digests: boolean; readonly now: number },
): string {
  const rows = all.map(({ snapshot, host, path, intact }) => [
    snapshot.name,
    formatDuration(Math.max(0, now - Date.parse(snapshot.time))),
    String(snapshot.revision),
    formatBytes(snapshot.size),
    snapshot.kind,
    host === 'here' ? relative(cwd, path) : `${host}:${path}`,
    intact ? (digests ? 'yes, digest' : 'yes') : 'DAMAGED',
  ]);
  return table([['NAME', 'AGE', 'REVISION', 'SIZE', 'MADE BY', 'WHERE', 'VERIFIED'], ...rows]);
}

function timerLines({ hosts }: BackupObservation): readonly string[] {
  return hosts.map(({ host, timer, next, lastSuccess, lastResult }) => {
    if (timer === 'absent') return `${host}: no timer (etcd.backup.schedule is not set)`;
    const last = lastSuccess ? `last success ${lastSuccess.time}, revision ${lastSuccess.revision}` : 'no success yet';
    const failed =
      lastResult === undefined || lastResult === 'success'
        ? ''
        : `; the last run failed (${lastResult}): journalctl -u kubexm-etcd-backup`;
    return `${host}: timer ${timer}; ${last}${next === undefined ? '' : `; next ${next}`}${failed}`;
  });
}
