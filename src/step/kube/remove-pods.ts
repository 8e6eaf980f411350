import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { crictl } from './crictl.js';

/** `endpoint`: of the runtime that is to go. */
export interface RemovePods {
  readonly endpoint: string;
}

/**
 * Stops and removes all pods of a runtime, so that their networks, mounts and addresses are given back. The kubelet must
 * not run: it would make them anew. A runtime that does not answer has none that it could stop.
 */
export const removePods = defineStep<RemovePods>({
  kind: 'cri.remove-pods',
  title: () => 'Stop and remove all pods of the container runtime',
  policy: { timeoutMs: 900_000 },
  async precheck(ctx, p) {
    const pods = await podIds(ctx, p);
    if (pods === undefined) return satisfied('the runtime does not answer, or is gone');
    return pods.length === 0 ? satisfied('it has none') : needed(`it has ${pods.length}`);
  },
  async run(ctx, p) {
    const pods = (await podIds(ctx, p)) ?? [];
    for (const [index, id] of pods.entries()) {
      ctx.progress(index, pods.length, 'count');
      // One that cannot be stopped in order is removed by force.
      await ctx.host.tryRun(crictl(p.endpoint, ['stopp', id]), { signal: ctx.signal, long: true });
      await ctx.host.tryRun(crictl(p.endpoint, ['rmp', '-f', id]), { signal: ctx.signal, long: true });
    }
    const left = (await podIds(ctx, p)) ?? [];
    if (left.length === 0) return;
    throw new KubexmError('COMMAND_FAILED', `${ctx.host.name}: ${left.length} pods cannot be removed`, {
      details: left,
      hint: `on ${ctx.host.name}: crictl --runtime-endpoint ${p.endpoint} rmp -f ${left[0] ?? ''}`,
    });
  },
});

/** Undefined where there is nobody to ask, or nothing to ask with: an installation that was not finished has no pods. */
async function podIds({ host, signal }: StepContext, { endpoint }: RemovePods): Promise<readonly string[] | undefined> {
  const alive = await host.tryRun(
    sh`systemctl is-active --quiet ${endpoint.includes('cri-dockerd') ? 'cri-dockerd.service' : 'containerd.service'} && [ -x ${hostPaths.bin}/crictl ]`,
    { signal },
  );
  if (alive.exitCode !== 0) return undefined;
  const { stdout } = await host.run(crictl(endpoint, ['pods', '-q']), { signal });
  return stdout.split('\n').filter((line) => line.trim() !== '');
}
