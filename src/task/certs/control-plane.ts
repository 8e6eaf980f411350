import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { After, Draft, HostName, Ref, Step } from '../../plan/index.js';
import { checkApiServed, restartStaticPod, type StepContext } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { type PlanContext } from '../context.js';
import { apiserverUrl } from '../kubernetes/apiserver-url.js';
import { kubeconfigReaders } from '../kubernetes/leaves.js';

const { kubernetes, kubernetesPki } = hostPaths;

/** Proves that a control plane's apiserver serves the certificate that lies there. */
export function apiServed(ctx: PlanContext, host: HostName) {
  return checkApiServed({
    server: apiserverUrl(ctx, host),
    certificate: `${kubernetesPki}/apiserver.crt`,
  });
}

/** Restarts a static pod of a control plane that was started before these files were written. */
export function restartPod(
  ctx: PlanContext,
  host: HostName,
  component: string,
  inputs: readonly string[],
): Step<StepContext> {
  return restartStaticPod({ component, nodeName: host, endpoint: criEndpoint(ctx, host).socket, inputs });
}

/** Restarts the static pods of a control plane that were started before their kubeconfig was written. */
export function restartReaders(g: Draft<StepContext>, ctx: PlanContext, host: HostName, after: After): Ref {
  let turn: After = after;
  let last: Ref | undefined;
  for (const [file, component] of Object.entries(kubeconfigReaders)) {
    const step = restartPod(ctx, host, component, [`${kubernetes}/${file}`]);
    last = g.add(`restart-${component}-${host}`, [host], step, { after: turn });
    turn = last;
  }
  if (last === undefined) throw new KubexmError('INTERNAL', 'no static pod reads a kubeconfig');
  return last;
}
