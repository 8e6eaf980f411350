import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** Makes sure that the host's systemd understands a calendar expression, before a timer is made of it. */
export const checkCalendar = defineStep<{ readonly calendar: string }>({
  kind: 'systemd.calendar',
  title: (p) => `Check the schedule '${p.calendar}'`,
  async precheck({ host, signal }, p) {
    const { exitCode, stdout, stderr } = await host.tryRun(sh`systemd-analyze calendar ${p.calendar}`, { signal });
    if (exitCode === 0) return satisfied(/Next elapse: (.+)/.exec(stdout)?.[1] ?? 'systemd understands it');
    throw new KubexmError('CONFIG_INVALID', `${host.name}: systemd does not understand the schedule '${p.calendar}'`, {
      details: stderr.trim().split('\n').slice(-3),
      hint: 'write a calendar expression such as daily or *-*-* 02:00:00 (man systemd.time)',
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});
