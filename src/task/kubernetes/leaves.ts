import { isIP } from 'node:net';
import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import type { HostName } from '../../plan/index.js';
import type { GenerateSignedCert } from '../../step/index.js';
import { nthAddress } from '../../util/ipv4.js';
import { hostsWithRole, internalAddress, type PlanContext } from '../context.js';
import { apiServerSans } from './kubeadm-config.js';

const { kubernetes, kubernetesPki } = hostPaths;

/** A certificate on a node that one of the cluster's CAs signs. */
export interface KubernetesLeaf extends Pick<GenerateSignedCert, 'subject' | 'usages' | 'sans'> {
  /** As users name it: `apiserver`, `scheduler.conf`, `kubelet`. */
  readonly kind: string;
  readonly host: HostName;
  /** The certificate's file, the kubeconfig, or the kubelet's file with certificate and key. */
  readonly path: string;
  readonly form: 'pair' | 'kubeconfig' | 'kubelet';
  readonly ca: 'ca' | 'front-proxy-ca';
  /** Not every host of the kind has it. */
  readonly isOptional?: boolean;
}

/** Who has the kubeconfig of the work directory. */
export const administrator = {
  component: 'kubernetes',
  name: 'admin',
  subject: { commonName: 'kubexm-admin', organizations: ['kubeadm:cluster-admins'] },
  usages: ['client'],
} as const;

/** Static pods that read their kubeconfig once, when they start. */
export const kubeconfigReaders: Readonly<Record<string, string>> = {
  'controller-manager.conf': 'kube-controller-manager',
  'scheduler.conf': 'kube-scheduler',
};

/** All that kubeadm and the kubelets have signed by the cluster's CAs. */
export function kubernetesLeaves(ctx: PlanContext): readonly KubernetesLeaf[] {
  const { roleGroups } = ctx.cluster.spec;
  const nodes = [...new Set([...roleGroups['control-plane'], ...roleGroups.worker])];
  return [
    ...hostsWithRole(ctx, 'control-plane').flatMap((host) => controlPlaneLeaves(ctx, host)),
    ...nodes.map((host) => kubeletLeaf(host)),
  ];
}

/** Its files on the control machine. */
export function leafName({ kind, host }: Pick<KubernetesLeaf, 'kind' | 'host'>): string {
  return `${kind}-${host}`;
}

function controlPlaneLeaves(ctx: PlanContext, host: HostName): readonly KubernetesLeaf[] {
  const admins = adminGroup(ctx);
  const clients: readonly KubernetesLeaf[] = [
    pair(host, 'apiserver-kubelet-client', 'ca', [admins], 'kube-apiserver-kubelet-client'),
    pair(host, 'front-proxy-client', 'front-proxy-ca', [], 'front-proxy-client'),
    kubeconfig(host, 'admin.conf', 'kubernetes-admin', [admins]),
    { ...kubeconfig(host, 'super-admin.conf', 'kubernetes-super-admin', ['system:masters']), isOptional: true },
    kubeconfig(host, 'controller-manager.conf', 'system:kube-controller-manager', []),
    kubeconfig(host, 'scheduler.conf', 'system:kube-scheduler', []),
  ];
  return [
    {
      kind: 'apiserver',
      host,
      path: `${kubernetesPki}/apiserver.crt`,
      form: 'pair',
      ca: 'ca',
      subject: { commonName: 'kube-apiserver' },
      usages: ['server'],
      sans: apiserverNames(ctx, host),
    },
    ...clients,
  ];
}

/** As kubeadm puts them together: of the Service, of the host, and those of the cluster file. */
function apiserverNames(ctx: PlanContext, host: HostName): NonNullable<KubernetesLeaf['sans']> {
  const { kubernetes: settings, network } = ctx.cluster.spec;
  const names = [
    host,
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${settings.dnsDomain}`,
    nthAddress(network.kubeServiceCIDR, 1),
    internalAddress(ctx, host),
    ...apiServerSans(ctx),
  ];
  const unique = [...new Set(names)];
  return { dns: unique.filter((name) => isIP(name) === 0), ips: unique.filter((name) => isIP(name) !== 0) };
}

/** Since 1.29 the administrator's rights hang on a group that can be taken them away from. */
function adminGroup({ cluster }: PlanContext): string {
  return minorOf(cluster.spec.kubernetes.version) >= 29 ? 'kubeadm:cluster-admins' : 'system:masters';
}

function pair(
  host: HostName,
  kind: string,
  ca: KubernetesLeaf['ca'],
  organizations: readonly string[],
  commonName: string,
): KubernetesLeaf {
  const path = `${kubernetesPki}/${kind}.crt`;
  return { kind, host, path, form: 'pair', ca, subject: { commonName, organizations }, usages: ['client'] };
}

function kubeconfig(
  host: HostName,
  kind: string,
  commonName: string,
  organizations: readonly string[],
): KubernetesLeaf {
  const path = `${kubernetes}/${kind}`;
  return { kind, host, path, form: 'kubeconfig', ca: 'ca', subject: { commonName, organizations }, usages: ['client'] };
}

function kubeletLeaf(host: HostName): KubernetesLeaf {
  return {
    kind: 'kubelet',
    host,
    path: '/var/lib/kubelet/pki/kubelet-client-current.pem',
    form: 'kubelet',
    ca: 'ca',
    subject: { commonName: `system:node:${host}`, organizations: ['system:nodes'] },
    usages: ['client'],
  };
}
