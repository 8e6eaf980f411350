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
