import { hostPaths } from '../../common/host-paths.js';
import type { StepContext } from '../context.js';
import { currentStamp, readInputs, writeStamp } from '../systemd/stamp.js';

const service = 'kubelet.service';
const unitFiles = [`${hostPaths.units}/${service}`, `${hostPaths.units}/${service}.d/10-kubeadm.conf`];

/**
 * Why the kubelet is to be started again, whatever its own files say: it does not run, or it runs as its unit was before it
 * was put right. Undefined where there is no reason.
 */
export async function staleUnit(ctx: StepContext): Promise<string | undefined> {
  const [{ active, activeSince }, inputs] = await Promise.all([
    ctx.host.serviceState(service, { signal: ctx.signal }),
    readInputs(ctx, unitFiles),
  ]);
  if (active === 'inactive' || active === 'failed') return `it is ${active}`;
  if (active !== 'active' || inputs.changedAt <= activeSince) return undefined;
  // The host's clock may have been put back since the file was written.
  const stamp = await currentStamp(ctx, service);
  return stamp?.inputs === inputs.sha256 ? undefined : `${inputs.changed} is newer than the running kubelet`;
}

/** Notes that the kubelet, as it runs now, was started with its unit as it is. */
export async function noteUnit(ctx: StepContext): Promise<void> {
  await writeStamp(ctx, service, await readInputs(ctx, unitFiles));
}
