import { etcdBackupTimer } from '../../common/etcd-snapshot.js';
import { hostPaths } from '../../common/host-paths.js';
import { allOf, sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';

const { timer, service, script } = etcdBackupTimer;
const files = [`${hostPaths.units}/${timer}`, `${hostPaths.units}/${service}`, script];

/** Takes the timer of the backups away, with its service and script. The snapshots stay. */
export const removeBackupTimer = defineStep<Record<never, never>>({
  kind: 'etcd.backup-timer-remove',
  title: () => `Remove ${timer}`,
  async precheck({ host, signal }) {
    const found = [...(await host.statMany(files, { signal })).keys()];
    return found.length === 0 ? satisfied('there is none') : needed(`${found.join(', ')} is there`);
  },
  async run({ host, signal }) {
    // A run that is under way is not disturbed.
    if ((await host.serviceState(timer, { signal })).load !== 'not-found')
      await host.run(sh`systemctl disable --now ${timer}`, { signal });
    await host.run(allOf(sh`rm -f -- ${files}`, sh`systemctl daemon-reload`), { signal });
    // A run that failed would stay in the list of failed units for ever.
    await host.tryRun(sh`systemctl reset-failed ${service}`, { signal });
  },
});
