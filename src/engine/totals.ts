import { unreachable } from '../errors/index.js';
import type { JobOutcome, RunTotals } from './events.js';

/** Counts outcomes. */
export function countOutcomes(jobs: number, outcomes: Iterable<JobOutcome>): RunTotals {
  const totals = { jobs, satisfied: 0, changed: 0, failed: 0, cancelled: 0, wouldChange: 0, waits: 0 };
  for (const { state } of outcomes) {
    switch (state) {
      case 'satisfied':
      case 'changed':
      case 'failed':
      case 'cancelled':
      case 'waits':
        totals[state] += 1;
        break;
      case 'would-change':
        totals.wouldChange += 1;
        break;
      default:
        unreachable(state);
    }
  }
  return totals;
}
