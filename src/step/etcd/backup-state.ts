import { type EtcdSnapshot, etcdBackupTimer, parseEtcdSnapshot } from '../../common/etcd-snapshot.js';
import type { Json } from '../../plan/index.js';
import { quote, script } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** What a host knows of the backups that were made on it. */
export interface EtcdBackupReport {
  /** `absent`: there is no timer. `inactive`: it is there and does not run. */
  readonly timer: 'active' | 'inactive' | 'absent';
  /** In systemd's words: when the timer runs next. */
  readonly next?: string;
  /** How the timer's last run ended, in systemd's words: `success`, `exit-code`. Absent: it has not run since the boot. */
  readonly lastResult?: string;
  /** Of the timer: its last snapshot that was proven. */
  readonly lastSuccess?: { readonly time: string; readonly revision: number; readonly file: string };
  readonly snapshots: readonly HostSnapshot[];
}

/** `intact`: the file is there and as long as it was; where digests are asked for, that it has its digest. */
export interface HostSnapshot extends EtcdSnapshot {
  readonly path: string;
  readonly intact: boolean;
}

/** `digests`: read every file whole. */
export interface ReadBackupState {
  readonly report: string;
  readonly cluster: string;
  readonly dir: string;
  readonly digests: boolean;
}

/** Reads on an etcd host when the last backup succeeded and which snapshots lie there, in one round trip. */
export const readBackupState = defineStep<ReadBackupState>({
  kind: 'etcd.read-backups',
  title: () => 'Read the backups of etcd',
  recheck: false,
  policy: { timeoutMs: 1_800_000 },
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(script(questions(p)), { signal, long: p.digests });
    log('debug', p.report, parseBackups(stdout, p) as unknown as Json);
    return satisfied('the backups were read');
  },
  run: () => Promise.resolve(),
});

function questions({ dir, digests }: ReadBackupState): string {
  const sum = digests ? 'sha256sum <"$db" 2>/dev/null | cut -c1-64' : ':';
  return [
    `cd / && dir=${quote(dir)}`,
    `echo @@state; cat ${etcdBackupTimer.state} 2>/dev/null`,
    `echo @@timer; systemctl show -p LoadState -p ActiveState -p NextElapseUSecRealtime ${etcdBackupTimer.timer}`,
    `echo @@service; systemctl show -p Result -p ExecMainStartTimestampMonotonic ${etcdBackupTimer.service}`,
    `echo @@snapshots; for file in "$dir"/etcd-*.json; do [ -f "$file" ] || continue; db="\${file%.json}.db"`,
    `printf '%s|%s|' "$(stat -c %s "$db" 2>/dev/null)" "$([ -f "$db" ] && ${sum})"; tr -d '\\n' <"$file"; echo; done; :`,
  ].join('\n');
}

function parseBackups(stdout: string, { dir, cluster, digests }: ReadBackupState): EtcdBackupReport {
  const section = (name: string): string =>
    new RegExp(`^@@${name}\\n([^]*?)(?=^@@|$(?![^]))`, 'm').exec(stdout)?.[1] ?? '';
  const property = (name: string, of: string): string | undefined =>
    new RegExp(`^${name}=(.+)$`, 'm').exec(section(of))?.[1];
  const next = property('NextElapseUSecRealtime', 'timer');
  const hasRun = (property('ExecMainStartTimestampMonotonic', 'service') ?? '0') !== '0';
  const lastResult = hasRun ? property('Result', 'service') : undefined;
  const lastSuccess = parsedState(section('state'));
  const snapshots = section('snapshots')
    .split('\n')
    .flatMap((line): HostSnapshot[] => {
      const [size = '', sha256 = '', ...rest] = line.split('|');
      const snapshot = parseEtcdSnapshot(rest.join('|'));
      if (snapshot === undefined || snapshot.cluster !== cluster) return [];
      const intact = Number(size) === snapshot.size && (!digests || sha256 === snapshot.sha256);
      return [{ ...snapshot, path: `${dir}/${snapshot.name}.db`, intact }];
    });
  const isLoaded = property('LoadState', 'timer') === 'loaded';
  return {
    timer: isLoaded ? (property('ActiveState', 'timer') === 'active' ? 'active' : 'inactive') : 'absent',
    ...(next === undefined ? {} : { next }),
    ...(lastResult === undefined ? {} : { lastResult }),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
    snapshots,
  };
}

function parsedState(text: string): EtcdBackupReport['lastSuccess'] {
  try {
    const state = JSON.parse(text) as Partial<NonNullable<EtcdBackupReport['lastSuccess']>>;
    const { time, revision, file } = state;
    return time !== undefined && revision !== undefined && file !== undefined ? { time, revision, file } : undefined;
  } catch {
    return undefined;
  }
}
