import { certsRenewal } from '../../common/certs-renewal.js';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** What a host knows of the renewals by its timer. */
export interface RenewalReport {
  /** `absent`: there is no timer. `inactive`: it is there and does not run. */
  readonly timer: 'active' | 'inactive' | 'absent';
  /** It is at work right now. */
  readonly isRunning: boolean;
  /** The last run. `running`: it has said nothing since; where none is at work, it was killed. */
  readonly last?: {
    /** ISO 8601, UTC. */
    readonly time: string;
    readonly state: 'running' | 'done' | 'failed';
    /** What came of it, in its own words. */
    readonly said: string;
  };
}

/** Reads on a host whether the timer that renews its certificates is there, and how its last run ended. */
export const readRenewal = defineStep<{ readonly report: string }>({
  kind: 'read.renewal',
  title: () => 'Read the state of the renewal by time',
  recheck: false,
  async precheck({ host, signal, log }, { report }) {
    const { timer, service, last } = certsRenewal;
    const { stdout } = await host.run(
      sh`systemctl show -p LoadState -p ActiveState ${timer}; systemctl show -p ActiveState ${service} | sed 's/^/Service/'; [ ! -e ${last} ] || cat ${last}`,
      { signal },
    );
    log('debug', report, parsed(stdout) as unknown as Json);
    return satisfied('it was read');
  },
  run: () => Promise.resolve(),
});

function parsed(stdout: string): RenewalReport {
  const property = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(stdout)?.[1] ?? '';
  const json = /^\{.*\}$/m.exec(stdout)?.[0];
  const last = json === undefined ? {} : { last: JSON.parse(json) as NonNullable<RenewalReport['last']> };
  const isActive = property('ActiveState') === 'active';
  return {
    timer: property('LoadState') === 'loaded' ? (isActive ? 'active' : 'inactive') : 'absent',
    isRunning: ['activating', 'active'].includes(property('ServiceActiveState')),
    ...last,
  };
}
