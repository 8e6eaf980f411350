import { hostPaths } from '../../common/host-paths.js';
import type { StepContext } from '../context.js';

/** Touched when `kubeadm join` has come to its end. */
export const joinMarker = '/var/lib/kubexm/kubeadm-join.done';

/** Touched before a join puts the kubelet's credentials into their place itself: from then on these tell nothing of how far it is. */
export const joinBegun = '/var/lib/kubexm/kubeadm-join.begun';

/** `bootstrapped`: the kubelet has its certificate and runs, but kubeadm did not come to its end. */
export async function joinState(
  ctx: StepContext,
  role: 'control-plane' | 'worker',
): Promise<'absent' | 'partial' | 'bootstrapped' | 'joined'> {
  const kubeconfig = `${hostPaths.kubernetes}/kubelet.conf`;
  const bootstrap = `${hostPaths.kubernetes}/bootstrap-kubelet.conf`;
  const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const scheduler = `${hostPaths.kubernetes}/manifests/kube-scheduler.yaml`;
  const flags = '/var/lib/kubelet/kubeadm-flags.env';
  const paths = [joinMarker, joinBegun, kubeconfig, bootstrap, certificate, scheduler, flags];
  const found = await existing(ctx, paths);
  if (![kubeconfig, bootstrap, certificate].some((path) => found.has(path))) return 'absent';
  const hasCertificate = found.has(kubeconfig) && found.has(certificate);
  if (hasCertificate && found.has(joinMarker)) return 'joined';
  if (found.has(joinBegun)) return hasCertificate && found.has(flags) && (await runs(ctx)) ? 'bootstrapped' : 'partial';
  // Clusters that kubeadm made without kubexm have no marker; a finished join has removed its bootstrap file.
  if (hasCertificate && !found.has(bootstrap) && (role === 'worker' || found.has(scheduler))) return 'joined';
  return hasCertificate ? 'bootstrapped' : 'partial';
}

/** kubeadm stops the kubelet, writes its files, these flags last, and starts it. */
async function runs({ host, signal }: StepContext): Promise<boolean> {
  return (await host.serviceState('kubelet.service', { signal })).active === 'active';
}

/** Those of the paths that exist. */
export async function existing({ host, signal }: StepContext, paths: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await host.statMany(paths, { signal })).keys());
}
