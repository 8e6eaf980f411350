import { allOf, sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';

/** `files`: of the units, and of what they run. */
export interface RemoveBackupTimer {
  readonly timer: string;
  readonly service: string;
  readonly files: readonly string[];
}

/** Takes the timer of the backups away, with its service and script. The snapshots stay. */
export const removeBackupTimer = defineStep<RemoveBackupTimer>({
  kind: 'etcd.backup-timer-remove',
  title: (p) => `Remove ${p.timer}`,
  async precheck({ host, signal }, p) {
    const found = [...(await host.statMany(p.files, { signal })).keys()];
    return found.length === 0 ? satisfied('there is none') : needed(`${found.join(', ')} is there`);
  },
  async run({ host, signal }, p) {
    // A run that is under way is not disturbed.
    if ((await host.serviceState(p.timer, { signal })).load !== 'not-found')
      await host.run(sh`systemctl disable --now ${p.timer}`, { signal });
    await host.run(allOf(sh`rm -f -- ${p.files}`, sh`systemctl daemon-reload`), { signal });
    // A run that failed would stay in the list of failed units for ever.
    await host.tryRun(sh`systemctl reset-failed ${p.service}`, { signal });
  },
});
