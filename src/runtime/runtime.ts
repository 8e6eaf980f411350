import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { openCache } from '../cache/index.js';
import type { WorkDirs } from '../common/work-dirs.js';
import {
  type EngineEvent,
  type JobTools,
  openJournal,
  type RunResult,
  runGraph,
  type StopSignals,
} from '../engine/index.js';
import { type Redactor, runLogReader } from '../logger/index.js';
import { CONTROL_NODE, type ExecutionGraph, graphToJson } from '../plan/index.js';
import { type ArtifactIndex, loadArtifactIndex } from '../resource/index.js';
import type { HostFacts, HostRunner } from '../runner/index.js';
import { type Secret, secretResolver } from '../secrets/index.js';
import type { StepContext } from '../step/index.js';
import type { PlanContext } from '../task/index.js';
import { assumedFacts } from './assumed-facts.js';
import { readAuditFiles } from './audit-files.js';
import { type ClusterLock, lockCluster } from './cluster-lock.js';
import { errorReport } from './error-report.js';
import { type HostPool, hostPool } from './hosts.js';
import { readManifests } from './manifests.js';
import { lockRuns } from './run-lock.js';
import { readSavedPlan } from './saved-plan.js';
import { secretsOfPlans } from './secret-source.js';
import { type Survey, surveyHosts } from './survey.js';
import { templateReader } from './templates.js';
import { createWorkDirs, workDirs } from './work-dirs.js';

export interface RuntimeOptions {
  readonly cluster: Cluster;
  readonly cwd: string;
  /** The only run of this work directory that changes things, until `close`; LOCKED where another one is at work. */
  readonly exclusive?: boolean;
  /** The user's own templates; looked at before kubexm's. */
  readonly templatesDir?: string;
  /** Asks a person for a secret; absent where nobody can be asked. */
  readonly prompt?: (question: string) => Promise<string>;
  onNotice(line: string): void;
  /** Told of every secret as soon as it is known; masks whatever a run writes. */
  readonly redactor: Redactor;
}

/** Everything a command needs of this machine and of the hosts; close it whatever happens. */
export interface Runtime {
  readonly workDirs: WorkDirs;
  /**
   * Makes this the only run, of any machine, that changes the cluster, until `close`: call it after `survey` and before
   * reading what a plan is to rest on. LOCKED with the holder's name where another one is at work.
   */
  lock(options: { readonly operation: string; readonly breakLock?: boolean }): Promise<void>;
  /** Connects to all hosts at once (`only`: to these) and learns what they are; what failed is in the answer, by host. */
  survey(
    emit: (event: EngineEvent) => void,
    which?: { readonly also?: readonly string[]; readonly only?: readonly string[] | undefined },
  ): Promise<Survey>;
  /** Facts are those of the last survey. `assumeFresh`: hosts that were not surveyed count as fresh machines. */
  planContext(options?: { readonly assumeFresh?: boolean }): PlanContext;
  run(
    graph: ExecutionGraph<StepContext>,
    options: {
      readonly mode: 'apply' | 'check';
      /** In check mode: also asks what waits for a change; for clusters that are there. Default false. */
      readonly beyond?: boolean;
      emit(
        event: EngineEvent,
      ): void /** After a failure, undo what the run changed, where that can be done. Default false. */;
      readonly rollbackOnFailure?: boolean;
      readonly stop: StopSignals;
    },
  ): Promise<RunResult & { readonly runDir: string }>;
  /** A plan that was saved, turned back into steps. Throws GRAPH_INVALID for what is none, or of other hosts. */
  savedPlan(path: string): Promise<ExecutionGraph<StepContext>>;
  close(): Promise<void>;
}

/** What may run at the same time over all hosts. Joins: the API serves that many well; memberships and control planes change one by one. */
const limits = {
  perHost: 8,
  named: {
    upload: 8,
    download: 4,
    'image-pull': 64,
    'kubeadm-join': 10,
    'control-plane-join': 1,
    'etcd-membership': 1,
    'control-plane-change': 1,
    'kubelet-restart': 10,
    'runtime-change': 10,
  },
};

/** The composition root: makes the work directories and puts all the parts together for one cluster. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { cluster, cwd } = options;
  const dirs = workDirs({ cwd, clusterName: cluster.metadata.name });
  await createWorkDirs(
    dirs,
    cluster.spec.hosts.map((host) => host.name),
  );
  // Before anything is read: what a plan rests on must not be what another run is about to change.
  const unlock = options.exclusive === true ? await lockRuns(dirs.clusterWorkDir) : undefined;
  try {
    return await assemble(options, dirs, unlock);
  } catch (error) {
    await unlock?.();
    throw error;
  }
}

async function assemble(
  options: RuntimeOptions,
  dirs: WorkDirs,
  unlockRuns: (() => Promise<void>) | undefined,
): Promise<Runtime> {
  const { cluster, prompt, redactor } = options;
  const onSecret = (secret: Secret): void => redactor.add(secret);
  const resolver = secretResolver({ warn: options.onNotice, ...(prompt === undefined ? {} : { prompt }) });
  const pool = hostPool({
    cluster,
    knownHostsFile: dirs.knownHostsFile,
    resolver,
    onNotice: options.onNotice,
    onSecret,
  });
  const cache = await openCache(dirs.cacheFile);
  const artifacts = await loadArtifactIndex({ workDirs: dirs, download: cluster.spec.download, cache });
  const manifests = await readManifests(cluster.spec.addons);
  const fileDigests = await readAuditFiles(cluster);
  const parts: Parts = {
    cluster,
    dirs,
    redactor,
    pool,
    artifacts,
    manifests,
    secret: secretsOfPlans({ cluster, resolver, onSecret }),
    template: templateReader(options.templatesDir),
  };
  let facts: ReadonlyMap<string, HostFacts> = new Map();
  let unlock = unlockRuns === undefined ? undefined : Promise.resolve(unlockRuns);
  let clusterLock: Promise<ClusterLock> | undefined;
  const claim = async (): Promise<void> => {
    unlock ??= lockRuns(dirs.clusterWorkDir);
    await unlock;
  };
  const lock: Runtime['lock'] = async ({ operation, breakLock = false }) => {
    await claim();
    clusterLock ??= speakers(cluster, facts, pool).then((hosts) =>
      lockCluster({ hosts, operation, breakLock, onNotice: options.onNotice }),
    );
    await clusterLock;
  };
  return {
    workDirs: dirs,
    lock,
    async survey(emit, which = {}) {
      const survey = await surveyHosts({
        cluster,
        ...which,
        pool,
        emit,
        limits,
        redact: (text) => redactor.redact(text),
      });
      facts = survey.facts;
      return survey;
    },
    planContext: ({ assumeFresh = false } = {}) =>
      Object.freeze({
        cluster,
        facts: assumeFresh ? completedFacts(cluster, facts) : facts,
        workDirs: dirs,
        download: cluster.spec.download,
        artifacts,
        manifests,
        fileDigests,
      }),
    async run(graph, run) {
      if (run.mode === 'apply') await lock({ operation: graph.name });
      const lost = (await clusterLock)?.lost;
      const stop = lost === undefined ? run.stop : { ...run.stop, drain: AbortSignal.any([run.stop.drain, lost]) };
      const result = await runInDirectory(parts, graph, { ...run, stop });
      // What was begun has ended, and is in the journal; that it ended early is not the user's doing.
      if (lost?.aborted === true) throw lost.reason;
      return result;
    },
    savedPlan: (path) => readSavedPlan(path, cluster),
    async close() {
      const held = await clusterLock?.catch(() => undefined);
      await held?.release();
      await pool.close();
      const release = await unlock?.catch(() => undefined);
      await release?.();
    },
  };
}

function completedFacts(cluster: Cluster, known: ReadonlyMap<string, HostFacts>): ReadonlyMap<string, HostFacts> {
  const hosts = cluster.spec.hosts.filter((host) => host.roles.length > 0);
  return new Map(hosts.map((host) => [host.name, known.get(host.name) ?? assumedFacts(host)]));
}

/** The hosts that hold the cluster's lock: control planes and etcd members, those of them that answer. */
async function speakers(
  { spec }: Cluster,
  facts: ReadonlyMap<string, HostFacts>,
  pool: HostPool,
): Promise<readonly HostRunner[]> {
  const names = new Set([...spec.roleGroups['control-plane'], ...spec.roleGroups.etcd]);
  return await Promise.all([...names].filter((name) => facts.has(name)).map((name) => pool.runner(name)));
}

interface Parts {
  readonly cluster: Cluster;
  readonly dirs: WorkDirs;
  readonly redactor: Redactor;
  readonly pool: HostPool;
  readonly artifacts: ArtifactIndex;
  readonly manifests: ReadonlyMap<string, string>;
  readonly secret: StepContext['secret'];
  readonly template: StepContext['template'];
}

/** One run: its directory holds the plan, the journal and the log. */
async function runInDirectory(
  parts: Parts,
  graph: ExecutionGraph<StepContext>,
  { mode, beyond = false, emit, stop, rollbackOnFailure = false }: Parameters<Runtime['run']>[1],
): ReturnType<Runtime['run']> {
  const runDir = await newRunDirectory(parts.dirs, graph, parts.redactor);
  const runners = await openRunners(parts, graph);
  const journal = openJournal(join(runDir, 'journal.jsonl'));
  const log = runLogReader({ path: join(runDir, 'run.log'), redactor: parts.redactor });
  try {
    const result = await runGraph(graph, {
      mode,
      beyond,
      limits,
      stop,
      rollbackOnFailure,
      createContext: (tools) => stepContext(tools, runners, parts),
      report: (error) => errorReport(error, (text) => parts.redactor.redact(text)),
      emit(event) {
        journal.write(event);
        log.read(event);
        emit(event);
      },
    });
    return { ...result, runDir };
  } finally {
    journal.close();
    log.close();
  }
}

async function newRunDirectory(
  dirs: WorkDirs,
  graph: ExecutionGraph<StepContext>,
  redactor: Redactor,
): Promise<string> {
  const name = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}`;
  const runDir = join(dirs.runsDir, name);
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  await writeFile(join(runDir, 'plan.json'), redactor.redact(`${JSON.stringify(graphToJson(graph), null, 1)}\n`), {
    mode: 0o600,
  });
  return runDir;
}

/** Runners of all hosts of the graph; the connections behind them are open since the survey. */
async function openRunners(
  { pool }: Parts,
  graph: ExecutionGraph<StepContext>,
): Promise<ReadonlyMap<string, HostRunner>> {
  const names = new Set([CONTROL_NODE, ...graph.hosts]);
  return new Map(await Promise.all([...names].map(async (name) => [name, await pool.runner(name)] as const)));
}

function stepContext(
  tools: JobTools,
  runners: ReadonlyMap<string, HostRunner>,
  { secret, template }: Parts,
): StepContext {
  const host = runners.get(tools.host);
  if (!host) throw new Error(`no runner for ${tools.host}`);
  const { signal } = tools;
  return {
    host,
    signal,
    progress: (done, total, unit) => tools.progress(done, total, unit),
    log: (level, message, data) => tools.log(level, message, data),
    read: (output) => tools.read(output),
    write: (output, value) => tools.write(output, value),
    secret,
    template,
  };
}
