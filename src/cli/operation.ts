import { relative } from 'node:path';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { CONTROL_NODE } from '../common/control-node.js';
import type { EngineEvent } from '../engine/index.js';
import { formatFailures, formatSummary, plural, type RunReport } from '../logger/index.js';
import type { ClusterGraph, Findings, PlanContext, Reading } from '../pipeline/index.js';
import type { Runtime } from '../runtime/index.js';
import type { ChangeOptions } from './command-spec.js';
import { findingsReader } from './findings.js';
import { type Io, note, print, printJson } from './io.js';
import { confirm, type Question } from './prompt.js';
import { stderrStyle, stdoutStyle } from './readers.js';
import { exitCodeOfRun, runPlan } from './run-plan.js';
import { gatherFacts, type MayBeDown, withRuntime } from './session.js';

/** Options of every command that runs a plan on a cluster. */
export interface OperationOptions extends ChangeOptions {
  readonly breakLock?: boolean;
  readonly rollback?: boolean;
  readonly templates?: string;
}

/** What is worth saying when it is over, beside the totals: as text, and as fields of the JSON result. */
export interface OperationResult {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A command that changes a cluster: look, plan, say what will happen, ask, run, report. */
export interface Operation<Observed> {
  readonly cluster: Cluster;
  readonly options: OperationOptions;
  readonly io: Io;
  /** As the user calls it: `etcd remove-member node2`. Others read it when they find the cluster locked. */
  readonly name: string;
  /** Hosts that it can do without. Default: all must answer. */
  readonly mayBeDown?: MayBeDown;
  /** Hosts of the config that are asked although they have no role there (any more). */
  readonly also?: readonly string[];
  /** Of the hosts with a role, those that it needs: no other is asked anything. Default: all. */
  readonly only?: readonly string[];
  /** What the plan rests on, beside the config and the facts. */
  read?(runtime: Runtime): Promise<Observed>;
  /** Throws GUARD_REFUSED for what would cost quorum or data. */
  plan(ctx: PlanContext, observed: Observed, runtime: Runtime): ClusterGraph | Promise<ClusterGraph>;
  /** What will change, before it does. */
  summary(graph: ClusterGraph, observed: Observed): string;
  /** Asked before anything that cannot be undone. */
  question?(observed: Observed): Question | undefined;
  result?(findings: Findings): OperationResult;
  /** The next thing to type after a success. */
  next?(ended: OperationRun): string;
  /** The caller prints the result itself. */
  readonly quiet?: boolean;
}

/** What an operation came to. */
export interface OperationRun {
  readonly exitCode: number;
  readonly report: RunReport;
  readonly runDir: string;
  readonly kubeconfigPath: string;
  readonly findings: Findings;
}

export async function runOperation<Observed>(operation: Operation<Observed>): Promise<OperationRun> {
  const { cluster, options, io, name } = operation;
  return withRuntime({ cluster, io, templates: options.templates, exclusive: !options.dryRun }, async (runtime) => {
    await gatherFacts(runtime, io, operation.mayBeDown, { also: operation.also ?? [], only: operation.only });
    if (!options.dryRun) await runtime.lock({ operation: name, breakLock: options.breakLock === true });
    const observed = (await operation.read?.(runtime)) as Observed;
    const graph = await operation.plan(runtime.planContext(), observed, runtime);
    note(io, operation.summary(graph, observed));
    const question = options.dryRun ? undefined : operation.question?.(observed);
    if (question) await confirm(io, question, options.yes);
    const found = findingsReader();
    const { report, runDir } = await runPlan({
      runtime,
      graph,
      io,
      mode: options.dryRun ? 'check' : 'apply',
      events: options.events,
      rollback: options.rollback === true,
      also: (event) => found.read(event),
    });
    const { kubeconfigPath } = runtime.workDirs;
    const run = { exitCode: exitCodeOfRun(report), report, runDir, kubeconfigPath, findings: found.findings() };
    showFailures(run, io);
    if (operation.quiet !== true) showResult(operation, run);
    return run;
  });
}

/** Reads and interprets; nothing is changed, and what could not be read is in the findings' failures. */
export async function readCluster<T>(runtime: Runtime, reading: Reading<T>): Promise<T> {
  const found = findingsReader();
  const never = new AbortController().signal;
  const ctx = runtime.planContext();
  await runtime.run(reading.pipeline.plan(ctx), {
    mode: 'check',
    emit: (event: EngineEvent) => found.read(event),
    stop: { drain: never, abort: never },
  });
  return reading.interpret(ctx, found.findings());
}

/** `2 steps, 3 jobs on 1 host`. */
export function sizeOf(graph: ClusterGraph): string {
  const { hosts, jobs } = touchedBy(graph);
  return `${plural(graph.nodes.length, 'step')}, ${plural(jobs, 'job')} on ${plural(hosts.length, 'host')}`;
}

/** The hosts that a plan has jobs on, and how many jobs it has, those of the control machine with them. */
export function touchedBy({ nodes }: ClusterGraph): { readonly hosts: readonly string[]; readonly jobs: number } {
  const jobs = nodes.flatMap((node) => node.jobs);
  const hosts = new Set(jobs.map(({ host }) => host).filter((host) => host !== CONTROL_NODE));
  return { hosts: [...hosts].toSorted(), jobs: jobs.length };
}

function showFailures({ report, runDir }: OperationRun, io: Io): void {
  const failures = formatFailures(report, { style: stderrStyle(io), logPath: relative(io.cwd, runDir) });
  if (failures !== '') note(io, `\n${failures}\n`);
}

function showResult<Observed>(operation: Operation<Observed>, run: OperationRun): void {
  const { cluster, options, io } = operation;
  const { report, runDir, kubeconfigPath, exitCode, findings } = run;
  const result = exitCode === 0 && !options.dryRun ? operation.result?.(findings) : undefined;
  if (options.output === 'json') {
    const { name } = cluster.metadata;
    return printJson(io, { cluster: name, exitCode, ...report, runDir, kubeconfig: kubeconfigPath, ...result?.json });
  }
  const summary = formatSummary(report, { style: stdoutStyle(io) });
  const text = result === undefined || result.text === '' ? summary : `${summary}\n${result.text}`;
  // With --events - stdout holds events, one a line, and nothing else.
  if (options.events === '-') note(io, text);
  else print(io, text);
  const next = nextStep(operation, run);
  if (next !== '') note(io, next);
}

function nextStep<Observed>({ options, io, name, next }: Operation<Observed>, run: OperationRun): string {
  const { report, runDir } = run;
  if (report.state !== 'done') {
    return `Next: correct the cause, then run the same command again; what is done stays done. Log: ${relative(io.cwd, runDir)}`;
  }
  if (options.dryRun) return report.totals.wouldChange > 0 ? `Next: kubexm ${name} -f ${options.config}` : '';
  return next?.(run) ?? '';
}
