import { CONTROL_NODE } from '../common/control-node.js';
import type { EngineEvent } from '../engine/index.js';
import { exitCodes } from '../errors/index.js';
import type { RunReport } from '../logger/index.js';
import type { ClusterGraph } from '../pipeline/index.js';
import type { Runtime } from '../runtime/index.js';
import type { Io } from './io.js';
import { runReaders } from './readers.js';
import { stopOnSignals } from './stop.js';

/** Runs a plan under everybody's eyes. Ctrl-C is the run's while it lasts. */
export async function runPlan({
  runtime,
  graph,
  io,
  mode,
  events,
  rollback = false,
  beyond = false,
  also,
}: {
  runtime: Runtime;
  graph: ClusterGraph;
  io: Io;
  mode: 'apply' | 'check';
  events?: string | undefined;
  rollback?: boolean;
  /** In check mode: also asks what waits for a change. */
  beyond?: boolean;
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
      beyond,
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

/** 4 where guards refused before anything began; 3 where some hosts came to their end and others did not; 1 where none did. */
export function exitCodeOfRun(report: RunReport): number {
  if (report.state === 'done') return 0;
  if (report.state === 'interrupted') return exitCodes.CANCELLED;
  if (wasRefused(report)) return exitCodes.GUARD_REFUSED;
  // The control node belongs to no cluster: that its jobs went well makes nothing partly done.
  const someHost = report.completeHosts.some((host) => host !== CONTROL_NODE);
  return someHost && report.totals.changed > 0 ? 3 : exitCodes.RUN_FAILED;
}

/** Every failure is a guard's, and nothing was changed by then but what is fetched to this machine. */
function wasRefused({ failures, phases }: RunReport): boolean {
  const changed = phases.some((phase) => !phase.name.endsWith('(shared)') && phase.changed > 0);
  return failures.length > 0 && failures.every(({ error }) => error.code === 'GUARD_REFUSED') && !changed;
}
