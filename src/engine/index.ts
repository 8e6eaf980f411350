export type { EngineEvent, ErrorReport, JobName, JobOutcome, RunTotals } from './events.js';
export { type Journal, type JournalContent, openJournal, readJournal } from './journal.js';
export { runGraph } from './run-graph.js';
export { type InFlightJob, type NodeDuration, type RunSummary, summarise } from './summary.js';
export type { FinishedJob, JobTools, Limits, RunOptions, RunResult, StopSignals } from './types.js';
