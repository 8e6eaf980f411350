import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { containerStart, lastWords, lookAtPod, readySandboxes, type StaticPod } from './static-pod-state.js';

/** `endpoint`: the CRI socket. `inputs`: files that the component reads only when it starts. */
export interface RestartStaticPod {
  readonly component: string;
  readonly nodeName: string;
  readonly endpoint: string;
  readonly inputs: readonly string[];
}

const timeoutMs = 120_000;

/**
 * Restarts a static pod that was started before the files that it reads were written: its manifest goes out of the kubelet's
 * sight and comes back. Ends when the new one serves.
 */
export const restartStaticPod = defineStep<RestartStaticPod>({
  kind: 'kube.restart-static-pod',
  title: (p) => `Restart ${p.component} if it runs with other files`,
  uses: ['control-plane-change'],
  policy: { timeoutMs: 3 * timeoutMs },
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const [placed, parked, ...inputs] = [manifestPath(p), parkedPath(p), ...p.inputs];
    const found = await host.statMany([placed, parked, ...inputs], { signal });
    if (found.has(parked)) return needed('an earlier restart was not seen through');
    if (!found.has(placed)) return satisfied('it has no manifest here');
    const started = await containerStart(ctx, p);
    if (started === undefined) return needed('it does not run');
    const newer = inputs.find((path) => (found.get(path)?.mtime ?? 0) > started);
    return newer === undefined
      ? satisfied('it was started with the files that are there')
      : needed(`${newer} was written after its start`);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const [placed, parked] = [manifestPath(p), parkedPath(p)];
    // One that another run has put in its place since is the one that counts.
    const manifest = (await host.readFile(placed, { signal })) ?? (await host.readFile(parked, { signal }));
    if (manifest === undefined) throw new KubexmError('FILE_MISSING', `${host.name}: ${placed} is gone`);
    const pod: StaticPod = { ...p, manifest };
    const before = await readySandboxes(ctx, pod);
    await host.run(sh`if [ -e ${placed} ]; then mv -f ${placed} ${parked}; fi`, { signal });
    const ended = await pollUntil(
      async () => ({ done: (await readySandboxes(ctx, pod)).every((id) => !before.includes(id)) }),
      { timeoutMs, intervalMs: 300, signal },
    );
    await host.run(sh`mv -f ${parked} ${placed}`, { signal });
    if (!ended.done) throw notUp(ctx, p, ['the kubelet does not end the one that runs'], 'its manifest is back');
    const up = await pollUntil(
      async () => {
        const state = await lookAtPod(ctx, pod, before);
        return { ...state, done: state.serves || state.hopeless };
      },
      { timeoutMs, intervalMs: 500, signal },
    );
    if (!up.serves) throw notUp(ctx, p, [up.because, ...(await lastWords(ctx, pod))], 'it does not serve');
  },
});

function notUp(
  { host }: StepContext,
  { component }: RestartStaticPod,
  details: readonly string[],
  outcome: string,
): KubexmError {
  return new KubexmError('WAIT_TIMEOUT', `${host.name}: ${component} was to be restarted; ${outcome}`, {
    details,
    hint: `on ${host.name}: journalctl -u kubelet -n 50, and the logs below /var/log/pods; then run the same command again`,
  });
}

function manifestPath({ component }: RestartStaticPod): string {
  return `${hostPaths.kubernetes}/manifests/${component}.yaml`;
}

/** In the directory above: the kubelet would start what lies beside the manifests. */
function parkedPath({ component }: RestartStaticPod): string {
  return `${hostPaths.kubernetes}/${component}.yaml.kubexm-restart`;
}
