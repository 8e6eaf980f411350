import { writeFile } from 'node:fs/promises';
import type { EngineEvent } from '../../engine/index.js';
import { KubexmError } from '../../errors/index.js';
import { formatFailures, type RunReport, totalsText } from '../../logger/index.js';
import {
  type ClusterGraph,
  createCluster,
  graphToDot,
  graphToJson,
  graphToMermaid,
  graphToText,
  servingHosts,
  strayNodes,
  upgradeStateOf,
} from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { type Io, note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster, sizeOf } from '../operation.js';
import { stderrStyle, stdoutStyle } from '../readers.js';
import { exitCodeOfRun, runPlan } from '../run-plan.js';
import { gatherFacts, withRuntime } from '../session.js';
import { nodesThereAre, strayLines } from './execute.js';
import { type CheckedJob, formatCheckedPlan } from './plan-tree.js';
import { type UpgradeChoice, upgradeChoice } from './upgrade-choice.js';
import type { UpgradeOptions } from './upgrade-options.js';
import { configEdits, planUpgrade, upgradeLines } from './upgrade-plan.js';

/** With `to`: the plan of an upgrade instead. */
interface PlanOptions extends CommonOptions, UpgradeOptions {
  readonly all?: boolean;
  readonly offline?: boolean;
  readonly save?: string;
  readonly events?: string;
  readonly templates?: string;
}

const offlineNote =
  'No host was asked. Assumed: amd64 where the config names no arch, nothing listening, nothing left of an earlier installation.';

/** `kubexm cluster plan` */
export async function run({ options, io }: Invocation<PlanOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  if (options.to !== undefined && options.offline === true) {
    throw new KubexmError('USAGE', 'what an upgrade does depends on what runs: --to and --offline do not go together', {
      hint: `kubexm cluster plan --to ${options.to}`,
    });
  }
  if (options.to === undefined) refuseUpgradeOptions(options);
  const choice = options.to === undefined ? undefined : upgradeChoice(options, options.to);
  return withRuntime({ cluster, io, templates: options.templates }, async (runtime) => {
    const offline = options.offline === true;
    if (offline) note(io, offlineNote);
    else await gatherFacts(runtime, io);
    const graph =
      choice === undefined
        ? createCluster.plan(runtime.planContext({ assumeFresh: offline }))
        : await upgradeGraph(runtime, { choice, config: options.config, io });
    const seen = offline ? undefined : await nodesThereAre(runtime);
    if (seen) for (const line of strayLines(strayNodes(runtime.planContext(), seen), false)) note(io, line);
    if (options.save !== undefined) await save(graph, options.save, io);
    // Drawings show structure; only text and JSON have room for what each host would answer.
    const checks = !offline && (options.output === 'text' || options.output === 'json');
    const checked = checks ? await check({ runtime, graph, io, options }) : undefined;
    show({ graph, checked, options, io });
    return checked === undefined ? 0 : exitCodeOfRun(checked.report);
  });
}

/** The plan of `cluster upgrade` with the same options; what that says before it asks is said here too. */
async function upgradeGraph(
  runtime: Runtime,
  { choice, config, io }: { readonly choice: UpgradeChoice; readonly config: string; readonly io: Io },
): Promise<ClusterGraph> {
  const ctx = runtime.planContext();
  const observed = await readCluster(runtime, upgradeStateOf);
  const planned = await planUpgrade(ctx, observed, { ...choice, config });
  const edits = await configEdits(ctx.cluster, config, choice.to);
  note(io, upgradeLines(planned, { to: choice.to, size: sizeOf(planned.graph), edits }).join('\n'));
  return planned.graph;
}

/** They mean nothing without `--to`; those that have a value anyhow cannot be told. */
function refuseUpgradeOptions({ via, canary, pauseAfter, acceptRemovedApis }: PlanOptions): void {
  if ([via, canary, pauseAfter, acceptRemovedApis].every((each) => each === undefined)) return;
  throw new KubexmError('USAGE', 'only the plan of an upgrade takes these options', {
    hint: 'kubexm cluster plan --to VERSION',
  });
}

interface Checked {
  readonly report: RunReport;
  readonly jobs: readonly CheckedJob[];
}

async function check({
  runtime,
  graph,
  io,
  options,
}: {
  runtime: Runtime;
  graph: ClusterGraph;
  io: Io;
  options: PlanOptions;
}): Promise<Checked> {
  const jobs: CheckedJob[] = [];
  const collect = (event: EngineEvent) => {
    if (event.type !== 'job-finished') return;
    const { node, host, title, outcome } = event;
    jobs.push({
      node,
      host,
      title,
      state: outcome.state,
      because: outcome.state === 'failed' ? outcome.error.message : outcome.because,
    });
  };
  // Of a cluster that is there all that differs is shown; of one that is not, nothing can be said of what comes later.
  const beyond = options.to === undefined && servingHosts(runtime.planContext()).length > 0;
  const { events } = options;
  const { report } = await runPlan({ runtime, graph, io, mode: 'check', events, beyond, also: collect });
  const failures = formatFailures(report, { style: stderrStyle(io) });
  if (failures !== '') note(io, `\n${failures}\n`);
  return { report, jobs };
}

function show({
  graph,
  checked,
  options,
  io,
}: {
  graph: ClusterGraph;
  checked: Checked | undefined;
  options: PlanOptions;
  io: Io;
}): void {
  switch (options.output) {
    case 'json':
      return printJson(
        io,
        checked === undefined ? graphToJson(graph) : { ...graphToJson(graph), checks: checked.jobs },
      );
    case 'dot':
      return print(io, graphToDot(graph));
    case 'mermaid':
      return print(io, graphToMermaid(graph));
    default:
      if (checked === undefined) return print(io, graphToText(graph));
      print(io, formatCheckedPlan(graph, checked.jobs, { all: options.all === true, style: stdoutStyle(io) }));
      return print(io, `${graph.name}: ${totalsText(checked.report.totals)}`);
  }
}

async function save(graph: ClusterGraph, path: string, io: Io): Promise<void> {
  await writeFile(path, io.redactor.redact(`${JSON.stringify(graphToJson(graph), null, 2)}\n`), { mode: 0o600 });
  note(io, `Plan saved in ${path}`);
}
