import { allOf, sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';

/** `files`: of the units, and of what they run. `directories`: theirs alone, with all that is in them. */
export interface RemoveTimer {
  readonly timer: string;
  readonly service: string;
  readonly files: readonly string[];
  readonly directories?: readonly string[];
}

/** Takes a timer of kubexm's away, with its service and script. What its runs have made stays. */
export const removeTimer = defineStep<RemoveTimer>({
  kind: 'service.remove-timer',
  title: (p) => `Remove ${p.timer}`,
  async precheck({ host, signal }, p) {
    const found = [...(await host.statMany([...p.files, ...(p.directories ?? [])], { signal })).keys()];
    return found.length === 0 ? satisfied('there is none') : needed(`${found.join(', ')} is there`);
  },
  async run({ host, signal }, p) {
    // A run that is under way is not disturbed.
    if ((await host.serviceState(p.timer, { signal })).load !== 'not-found')
      await host.run(sh`systemctl disable --now ${p.timer}`, { signal });
    const { directories = [] } = p;
    await host.run(
      allOf(
        sh`rm -f -- ${p.files}`,
        ...(directories.length > 0 ? [sh`rm -rf -- ${directories}`] : []),
        sh`systemctl daemon-reload`,
      ),
      { signal },
    );
    // A run that failed would stay in the list of failed units for ever.
    await host.tryRun(sh`systemctl reset-failed ${p.service}`, { signal });
  },
});
