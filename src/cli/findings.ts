import type { EngineEvent } from '../engine/index.js';
import type { Findings } from '../pipeline/index.js';

/** Collects what the steps of a run reported. */
export function findingsReader(): { read(event: EngineEvent): void; findings(): Findings } {
  const reports: Findings['reports'][number][] = [];
  const failures: Findings['failures'][number][] = [];
  return {
    read(event) {
      if (event.type === 'job-log' && event.data !== undefined)
        reports.push({ report: event.message, host: event.host, data: event.data });
      if (event.type === 'job-finished' && event.outcome.state === 'failed')
        failures.push({ host: event.host, message: event.outcome.error.message });
    },
    findings: () => ({ reports, failures }),
  };
}
