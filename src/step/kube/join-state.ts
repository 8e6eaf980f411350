import { hostPaths } from '../../common/host-paths.js';
import type { StepContext } from '../context.js';

/** Touched when `kubeadm join` has come to its end. */
export const joinMarker = '/var/lib/kubexm/kubeadm-join.done';

/** `bootstrapped`: the kubelet has its certificate and runs, but kubeadm did not come to its end. */
export async function joinState(
  ctx: StepContext,
  role: 'control-plane' | 'worker',
): Promise<'absent' | 'partial' | 'bootstrapped' | 'joined'> {
  const kubeconfig = `${hostPaths.kubernetes}/kubelet.conf`;
  const bootstrap = `${hostPaths.kubernetes}/bootstrap-kubelet.conf`;
  const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const scheduler = `${hostPaths.kubernetes}/manifests/kube-scheduler.yaml`;
  const found = await existing(ctx, [joinMarker, kubeconfig, bootstrap, certificate, scheduler]);
  if (![kubeconfig, bootstrap, certificate].some((path) => found.has(path))) return 'absent';
  const hasCertificate = found.has(kubeconfig) && found.has(certificate);
  if (hasCertificate && found.has(joinMarker)) return 'joined';
  // Clusters that kubeadm made without kubexm have no marker; a finished join has removed its bootstrap file.
  if (hasCertificate && !found.has(bootstrap) && (role === 'worker' || found.has(scheduler))) return 'joined';
  return hasCertificate ? 'bootstrapped' : 'partial';
}

/** Those of the paths that exist. */
export async function existing({ host, signal }: StepContext, paths: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await host.statMany(paths, { signal })).keys());
}
