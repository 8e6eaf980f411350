import { relative } from 'node:path';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import type { EngineEvent } from '../../engine/index.js';
import { exitCodes } from '../../errors/index.js';
import { formatFailures, formatSummary, plural, type RunReport } from '../../logger/index.js';
import { type ClusterGraph, createCluster } from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import type { ChangeOptions } from '../command-spec.js';
import { type Io, note, print, printJson } from '../io.js';
import { runReaders, stderrStyle, stdoutStyle } from '../readers.js';
import { stopOnSignals } from '../stop.js';
import { gatherFacts, withRuntime } from './session.js';

export interface RunClusterOptions extends ChangeOptions {
  readonly rollback?: boolean;
  readonly templates?: string;
}

/** What `cluster create` came to. */
export interface ClusterRun {
  readonly exitCode: number;
  readonly report: RunReport;
  readonly runDir: string;
  readonly kubeconfigPath: string;
}

/** Facts, plan, summary, run, report: `cluster create`, `cluster apply` and the lab's demo. */
export async function runCluster({
  cluster,
  options,
  io,
  quiet = false,
  savedPlan,
}: {
  cluster: Cluster;
  options: RunClusterOptions;
  io: Io;
  /** The caller prints the result itself. */
  quiet?: boolean;
  /** Run this instead of planning anew. */
  savedPlan?: string;
}): Promise<ClusterRun> {
  return withRuntime({ cluster, io, templates: options.templates }, async (runtime) => {
    // Before the facts: they are to be those of hosts that nobody else changes.
    if (!options.dryRun) await runtime.claim();
    await gatherFacts(runtime, io);
    const graph =
      savedPlan === undefined ? createCluster.plan(runtime.planContext()) : await runtime.savedPlan(savedPlan);
    note(io, describePlan(cluster, graph));
    const { report, runDir } = await runPlan({
      runtime,
      graph,
      io,
      mode: options.dryRun ? 'check' : 'apply',
      events: options.events,
      rollback: options.rollback === true,
    });
    const result = { exitCode: exitCodeOfRun(report), report, runDir, kubeconfigPath: runtime.workDirs.kubeconfigPath };
    showFailures(result, io);
    if (!quiet) showResult(result, cluster, options, io);
    return result;
  });
}

/** Runs a plan under everybody's eyes. Ctrl-C is the run's while it lasts. */
export async function runPlan({
  runtime,
  graph,
  io,
  mode,
  events,
  rollback = false,
  also,
}: {
  runtime: Runtime;
  graph: ClusterGraph;
  io: Io;
  mode: 'apply' | 'check';
  events?: string | undefined;
  rollback?: boolean;
  /** One more reader, for the command's own use. */
  also?: (event: EngineEvent) => void;
}): Promise<{ report: RunReport; runDir: string }> {
  const { reader, summary } = runReaders({ io, events });
  const signals = stopOnSignals();
  const emit = (event: EngineEvent) => {
    reader.read(event);
    also?.(event);
  };
  try {
    const { runDir } = await runtime.run(graph, {
      mode,
      emit,
      stop: signals.stop,
      rollbackOnFailure: rollback,
    });
    io.logPath = runDir;
    return { report: summary.report(), runDir };
  } finally {
    signals.release();
    reader.close();
  }
}

// It belongs to no cluster: that its jobs went well makes nothing partly done.
const controlNode = 'control-node';

/** 3 where some hosts came to their end and others did not; 1 where none did. */
export function exitCodeOfRun(report: RunReport): number {
  if (report.state === 'done') return 0;
  if (report.state === 'interrupted') return exitCodes.CANCELLED;
  return report.completeHosts.some((host) => host !== controlNode) && report.totals.changed > 0
    ? 3
    : exitCodes.RUN_FAILED;
}

function describePlan({ metadata, spec }: Cluster, graph: ClusterGraph): string {
  const jobs = graph.nodes.reduce((sum, node) => sum + node.jobs.length, 0);
  const roles = Object.entries(spec.roleGroups)
    .filter(([, hosts]) => hosts.length > 0)
    .map(([role, hosts]) => `  ${role}: ${hosts.join(', ')}`);
  const what = `Kubernetes ${spec.kubernetes.version}, ${spec.kubernetes.containerRuntime.type}, ${spec.network.plugin === 'none' ? 'no network plugin' : spec.network.plugin}`;
  return [
    `Cluster ${metadata.name}: ${what}; ${plural(graph.nodes.length, 'step')}, ${plural(jobs, 'job')} on ${plural(graph.hosts.length, 'host')}`,
    ...roles,
  ].join('\n');
}

function showFailures({ report, runDir }: ClusterRun, io: Io): void {
  const failures = formatFailures(report, { style: stderrStyle(io), logPath: relative(io.cwd, runDir) });
  if (failures !== '') note(io, `\n${failures}\n`);
}

function showResult(
  { report, runDir, kubeconfigPath, exitCode }: ClusterRun,
  cluster: Cluster,
  options: RunClusterOptions,
  io: Io,
): void {
  if (options.output === 'json') {
    return printJson(io, { cluster: cluster.metadata.name, exitCode, ...report, runDir, kubeconfig: kubeconfigPath });
  }
  const summary = formatSummary(report, { style: stdoutStyle(io) });
  // With --events - stdout holds events, one a line, and nothing else.
  if (options.events === '-') note(io, summary);
  else print(io, summary);
  note(
    io,
    nextSteps({ report, options, kubeconfig: relative(io.cwd, kubeconfigPath), logPath: relative(io.cwd, runDir) }),
  );
}

function nextSteps({
  report,
  options,
  kubeconfig,
  logPath,
}: {
  report: RunReport;
  options: RunClusterOptions;
  kubeconfig: string;
  logPath: string;
}): string {
  if (report.state !== 'done')
    return `Next: correct the cause, then run the same command again; what is done stays done. Log: ${logPath}`;
  if (options.dryRun) return report.totals.wouldChange > 0 ? `Next: kubexm cluster create -f ${options.config}` : '';
  return `Kubeconfig: ${kubeconfig}\nNext: kubectl --kubeconfig ${kubeconfig} get nodes`;
}
