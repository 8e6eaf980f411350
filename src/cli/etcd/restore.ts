import { join, resolve } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import type { EtcdSnapshot } from '../../common/etcd-snapshot.js';
import { type ErrorCode, exitCodes, KubexmError } from '../../errors/index.js';
import { formatBytes, formatDuration } from '../../logger/index.js';
import {
  type ClusterGraph,
  etcdBackupsOf,
  fetchEtcdBackup,
  inspectRestore,
  membersToMove,
  preparedId,
  prepareEtcdRestore,
  type RestoreFile,
  type RestoreInspection,
  type RestoreObservation,
  restoreOfEtcd,
  restoreStateOf,
  restoreUnderWay,
  revisionBump,
  whyForeign,
  whyNoSnapshot,
} from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import { keptSnapshots, readSnapshotFile, type SnapshotFile } from '../../util/etcd-snapshots.js';
import type { Invocation } from '../command-spec.js';
import { findingsReader } from '../findings.js';
import { type Io, note } from '../io.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import type { Question } from '../prompt.js';
import { runPlan } from '../run-plan.js';
import { refuseExternalEtcd } from './external.js';

interface RestoreOptions extends OperationOptions {
  readonly forceForeign?: boolean;
}

/** Everything that the plan and the question rest on. `inspection`: absent in a dry run, which prepares nothing. */
interface Prepared {
  readonly snapshot: SnapshotFile;
  readonly file: RestoreFile;
  readonly seen: RestoreObservation;
  readonly inspection?: RestoreInspection;
  readonly resumes: boolean;
  /** Why what is there now could not be saved first. */
  readonly notSaved?: string;
}

/** `kubexm etcd restore FILE`. Whatever can be found wrong is found before anything stops. */
export async function run({ options, args, io }: Invocation<RestoreOptions>): Promise<number> {
  const [named = ''] = args;
  const cluster = await loadConfig(options.config, io);
  refuseExternalEtcd(cluster, 'on its hosts: etcdutl snapshot restore, while the apiservers are stopped');
  const { etcd, 'control-plane': controlPlanes } = cluster.spec.roleGroups;
  const { exitCode } = await runOperation<Prepared>({
    cluster,
    options,
    io,
    name: `etcd restore ${named}`,
    mayBeDown: (host) => !etcd.includes(host) && !controlPlanes.includes(host),
    read: (runtime) => prepare({ named, cluster, options, io, runtime }),
    plan: (ctx, { file, seen, inspection }) => restoreOfEtcd(file, seen, inspection ?? { prepared: [] }).plan(ctx),
    summary: (graph, prepared) => summary(cluster, graph, prepared),
    question: (prepared) => question(cluster, prepared),
    next: () =>
      'Next: kubexm etcd health; the old data lies beside the new on every member (docs/etcd.md says when it may go)',
  });
  return exitCode;
}

interface Preparing {
  readonly named: string;
  readonly cluster: Cluster;
  readonly options: RestoreOptions;
  readonly io: Io;
  readonly runtime: Runtime;
}

async function prepare(preparing: Preparing): Promise<Prepared> {
  const { cluster, options, io, runtime } = preparing;
  const snapshot = await readSnapshotFile(await snapshotPath(preparing));
  const seen = await readCluster(runtime, restoreStateOf);
  requireAnswers(cluster, seen);
  const marker = restoreUnderWay(
    [...seen.controlPlanes, ...seen.members.map(({ host, report }) => ({ host, marker: report.marker }))],
    snapshot.sha256,
  );
  const id = marker?.id ?? preparedId(seen.members, snapshot.sha256) ?? newId();
  const recorded = await recordedSnapshots(cluster, runtime);
  const file = restoreFile({ id, snapshot, seen, recorded });
  const base = { snapshot, file, seen, resumes: marker !== undefined };
  if (options.dryRun) return base;
  const ctx = runtime.planContext();
  const notSaved = marker === undefined ? whyNoSnapshot(ctx, seen.etcd) : 'its restore is under way';
  if (marker === undefined) note(io, `First what stops nothing: the snapshot is restored beside the data and tried.`);
  const graph = prepareEtcdRestore(file, notSaved === undefined ? seen.etcd : undefined).plan(ctx);
  const inspection = inspectRestore(await runFirst(graph, preparing));
  if (marker === undefined) refuseForeign(preparing, { snapshot, seen, inspection, recorded });
  return { ...base, inspection, ...(notSaved === undefined ? {} : { notSaved }) };
}

/** A path, or a name of `etcd backups`: one that lies on a member alone is fetched. */
async function snapshotPath(preparing: Preparing): Promise<string> {
  const { named, cluster, io, runtime } = preparing;
  const name = named.replace(/\.db$/, '');
  if (!name.startsWith(`etcd-${cluster.metadata.name}-`) || name.includes('/')) return resolve(io.cwd, named);
  const local = join(runtime.workDirs.etcdBackupsDir, `${name}.db`);
  if ((await keptSnapshots(runtime.workDirs.etcdBackupsDir)).some((each) => each.name === name)) return local;
  const { hosts } = await readCluster(runtime, etcdBackupsOf());
  const found = hosts.flatMap(({ host, snapshots }) => snapshots.map((snapshot) => ({ host, snapshot })));
  const there = found.find(({ snapshot }) => snapshot.name === name && snapshot.intact);
  if (there === undefined) return resolve(io.cwd, named);
  if (preparing.options.dryRun) {
    throw new KubexmError('USAGE', `${name} lies on ${there.host} alone, and a dry run fetches nothing`, {
      hint: 'name a snapshot that is here, or leave --dry-run away: it asks before anything stops',
    });
  }
  await runFirst(fetchEtcdBackup(there).plan(runtime.planContext()), preparing);
  return local;
}

/** Without the answer of every member nobody can say how far a restore is, and none may be left behind. */
function requireAnswers({ spec }: Cluster, { members, etcd }: RestoreObservation): void {
  const silent = spec.roleGroups.etcd.filter((host) => !members.some((each) => each.host === host));
  if (silent.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `nothing was learned of the etcd hosts ${silent.join(', ')}; nothing was stopped`,
    {
      details: etcd.failures.map(({ host, message }) => `${host}: ${message}`),
      hint: 'a restore needs every host of roleGroups.etcd; take one that is lost out of the config',
      retryable: false,
    },
  );
}

/** Metadata of all snapshots of this cluster that are known, here and on the members. */
async function recordedSnapshots({ metadata }: Cluster, runtime: Runtime): Promise<readonly EtcdSnapshot[]> {
  const here = await keptSnapshots(runtime.workDirs.etcdBackupsDir);
  const { hosts } = await readCluster(runtime, etcdBackupsOf());
  return [...here, ...hosts.flatMap(({ snapshots }) => snapshots)].filter(({ cluster }) => cluster === metadata.name);
}

function restoreFile({
  id,
  snapshot,
  seen,
  recorded,
}: {
  readonly id: string;
  readonly snapshot: SnapshotFile;
  readonly seen: RestoreObservation;
  readonly recorded: readonly EtcdSnapshot[];
}): RestoreFile {
  const { path, sha256, metadata, size } = snapshot;
  const begun = seen.members.find(({ report }) => report.prepared?.id === id)?.report.prepared;
  // Where etcd does not answer, what was recorded tells what its clients may have seen.
  const known = [revisionNow(seen), ...recorded.map(({ revision }) => revision)];
  const bump = begun?.bump ?? revisionBump(metadata?.revision ?? 0, Math.max(...known));
  return {
    id,
    path,
    sha256,
    bump,
    ...(metadata === undefined ? {} : { name: metadata.name }),
    ...(begun ? {} : { size }),
  };
}

function refuseForeign(
  { cluster, options, io }: Preparing,
  {
    snapshot,
    seen,
    inspection,
    recorded,
  }: {
    readonly snapshot: SnapshotFile;
    readonly seen: RestoreObservation;
    readonly inspection: RestoreInspection;
    readonly recorded: readonly EtcdSnapshot[];
  },
): void {
  const { name } = cluster.metadata;
  const { probe } = inspection;
  if (probe === undefined) throw new KubexmError('INTERNAL', 'the snapshot was not tried');
  const live = seen.members.map(({ report }) => report.uid);
  const uids = [...new Set([...live, ...recorded.map(({ kubeSystemUid }) => kubeSystemUid)])].filter(
    (uid) => uid !== '',
  );
  const { metadata } = snapshot;
  const because = whyForeign({ clusterName: name, probe, uids, ...(metadata === undefined ? {} : { metadata }) });
  if (because === undefined) return;
  if (options.forceForeign === true) return note(io, `--force-foreign: ${because}`);
  throw new KubexmError('GUARD_REFUSED', `${snapshot.path} is not a snapshot of ${name}: nothing was stopped`, {
    details: [because],
    hint: 'with --force-foreign it is restored all the same; certificates, node names and addresses in it are then another cluster’s',
    retryable: false,
  });
}

/** Runs a plan that the operation needs before its own; throws unless it succeeds. */
async function runFirst(graph: ClusterGraph, { runtime, io, options }: Preparing) {
  const found = findingsReader();
  const { report, runDir } = await runPlan({
    runtime,
    graph,
    io,
    mode: 'apply',
    events: options.events,
    also: (event) => found.read(event),
  });
  if (report.state === 'done') return found.findings();
  const [first] = report.failures;
  const code = (first?.error.code ?? 'RUN_FAILED') as ErrorCode;
  throw new KubexmError(code in exitCodes ? code : 'RUN_FAILED', `${graph.name} did not succeed; nothing was stopped`, {
    details: report.failures.flatMap(({ host, error }) => [
      `${host}: ${error.message}`,
      ...error.details.map((line) => `  ${line}`),
    ]),
    hint: first?.error.hint ?? `the log is in ${runDir}`,
    retryable: false,
  });
}

function summary({ metadata }: Cluster, graph: ClusterGraph, { seen, file, resumes, notSaved }: Prepared): string {
  const lines = [`Restore of etcd of ${metadata.name}: ${sizeOf(graph)}`];
  if (resumes) {
    const left = membersToMove(
      seen,
      seen.members.map(({ host }) => host),
      file.id,
    );
    lines.push(
      `This restore was begun before (${file.id}) and goes on; ${left.length === 0 ? 'all members have their data' : `still to move: ${left.join(', ')}`}`,
    );
  } else if (notSaved !== undefined) lines.push(`What is there now was not saved first: ${notSaved}`);
  return lines.join('\n');
}

function question(
  { metadata }: Cluster,
  { snapshot, seen, inspection, file, resumes }: Prepared,
): Question | undefined {
  const revision = inspection?.prepared[0]?.data.revision ?? snapshot.metadata?.revision ?? 0;
  const now = revisionNow(seen);
  const taken = snapshot.metadata?.time;
  const age =
    taken === undefined
      ? 'at a time that nobody noted'
      : `${taken}, ${formatDuration(Date.now() - Date.parse(taken))} ago`;
  const lines = [
    `The snapshot: revision ${revision}, taken ${age}; ${formatBytes(snapshot.size)}, ${inspection?.probe?.keys ?? '?'} keys`,
    ...(resumes
      ? []
      : [
          now === 0
            ? 'etcd now: it does not answer'
            : `etcd now: revision ${now}; what was written after revision ${revision} is lost (${Math.max(0, now - revision)} revisions)`,
        ]),
    'The apiservers are away until it is over. Running pods go on; those that the snapshot does not know are ended.',
    ...(seen.members.some(({ report }) => report.hasData)
      ? [`The data of now is kept on the members as before-restore-${file.id}.`]
      : []),
  ];
  return { lines, question: `Go back to the state of the snapshot?`, word: metadata.name };
}

function revisionNow({ etcd }: RestoreObservation): number {
  return Math.max(0, ...etcd.members.map(({ state }) => state?.status?.revision ?? 0));
}

/** `20261123T140500Z` */
function newId(): string {
  return new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
}
