import { type ExtraArgs, type ExtraVolume, minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths, ports } from '../../common/host-paths.js';
import type { HostName, Json } from '../../plan/index.js';
import { discoveryFile } from '../../step/index.js';
import { deepMerge } from '../../util/deep-merge.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { hostNamed, internalAddress, type PlanContext } from '../context.js';
import { encryptionFlags, encryptionVolume, refuseWithoutKeys } from '../encryption/settings.js';
import { etcdForApiserver } from '../etcd/endpoints.js';
import { auditSettings } from './audit.js';

type Document = { readonly [key: string]: Json };

export interface DocumentOptions {
  /** Client URLs of the etcd members; default those of the config. */
  readonly etcdEndpoints?: readonly string[];
  /** Everything in etcd is in clear by the time these are used, whatever the control planes still have. Default false. */
  readonly decrypted?: boolean;
}

/** `kubeadm init`'s documents. `$token` is filled in on the host's way. https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/ */
export function initDocuments(
  ctx: PlanContext,
  host: HostName,
  { etcdEndpoints, decrypted = false }: DocumentOptions = {},
): readonly Document[] {
  if (!decrypted) refuseWithoutKeys(ctx);
  return [
    {
      apiVersion: apiVersion(ctx),
      kind: 'InitConfiguration',
      bootstrapTokens: [
        {
          token: '$token',
          ttl: '24h0m0s',
          usages: ['signing', 'authentication'],
          groups: ['system:bootstrappers:kubeadm:default-node-token'],
        },
      ],
      localAPIEndpoint: { advertiseAddress: internalAddress(ctx, host), bindPort: ports.apiserver },
      nodeRegistration: nodeRegistration(ctx, host),
    },
    clusterConfiguration(ctx, etcdEndpoints),
    kubeletConfiguration(ctx),
    kubeProxyConfiguration(ctx),
  ];
}

/** Those parts of `kubeadm init`'s documents that decide the kubelet's files on a host, control plane or not. */
export function kubeletDocuments(ctx: PlanContext, host: HostName): readonly Document[] {
  return [
    {
      apiVersion: apiVersion(ctx),
      kind: 'InitConfiguration',
      localAPIEndpoint: { advertiseAddress: internalAddress(ctx, host), bindPort: ports.apiserver },
      nodeRegistration: nodeRegistration(ctx, host),
    },
    { apiVersion: apiVersion(ctx), kind: 'ClusterConfiguration', ...clusterBasics(ctx) },
    kubeletConfiguration(ctx),
  ];
}

/** `kubeadm join`'s document; `$token` is filled in on the host's way. */
export function joinDocuments(ctx: PlanContext, host: HostName): readonly Document[] {
  const { roleGroups } = ctx.cluster.spec;
  const controlPlane = roleGroups['control-plane'].includes(host);
  return [
    {
      apiVersion: apiVersion(ctx),
      kind: 'JoinConfiguration',
      discovery: { file: { kubeConfigPath: discoveryFile }, tlsBootstrapToken: '$token' },
      nodeRegistration: nodeRegistration(ctx, host),
      ...(controlPlane
        ? {
            controlPlane: {
              localAPIEndpoint: { advertiseAddress: internalAddress(ctx, host), bindPort: ports.apiserver },
            },
          }
        : {}),
    },
  ];
}

function apiVersion({ cluster }: PlanContext): string {
  return usesLists(cluster.spec.kubernetes.version) ? 'kubeadm.k8s.io/v1beta4' : 'kubeadm.k8s.io/v1beta3';
}

/** v1beta4 came with 1.31; it has lists where v1beta3 has maps. */
function usesLists(kubernetesVersion: string): boolean {
  return minorOf(kubernetesVersion) >= 31;
}

function nodeRegistration(ctx: PlanContext, host: HostName): Document {
  const { roleGroups, kubernetes } = ctx.cluster.spec;
  const { labels, taints } = hostNamed(ctx, host);
  const alone = roleGroups['control-plane'].includes(host) && !roleGroups.worker.includes(host);
  // A kubelet may not give itself labels of Kubernetes' own domains: those are set over the API.
  const own = Object.entries(labels)
    .filter(([key]) => !/^([^/]+\.)?(kubernetes|k8s)\.io\//.test(key))
    .map(([key, value]) => `${key}=${value}`);
  const extraArgs: ExtraArgs = {
    // Without a default route the kubelet cannot find an address of its own.
    'node-ip': internalAddress(ctx, host),
    ...(own.length > 0 ? { 'node-labels': own.join(',') } : {}),
    ...kubernetes.kubelet.extraArgs,
  };
  return {
    name: host,
    criSocket: criEndpoint(ctx, host).socket,
    // Nothing that a later node-by-node pull must wait for: the images are there or on their way.
    imagePullPolicy: 'Never',
    taints: [
      ...(alone ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : []),
      ...taints.map(({ key, value, effect }) => ({ key, ...(value === undefined ? {} : { value }), effect })),
    ],
    kubeletExtraArgs: args(kubernetes.version, extraArgs),
  };
}

function clusterConfiguration(ctx: PlanContext, etcdEndpoints: readonly string[] | undefined): Document {
  const { kubernetes } = ctx.cluster.spec;
  const { version } = kubernetes;
  const gates = Object.entries(kubernetes.featureGates).map(([name, on]) => `${name}=${on}`);
  // Where a gate is named twice the last counts: what the component alone is given.
  const withGates = ({ 'feature-gates': own, ...given }: ExtraArgs): ExtraArgs => {
    const all = own === undefined ? gates : [...gates, own];
    return all.length > 0 ? { 'feature-gates': all.join(','), ...given } : given;
  };
  const own = apiServerSections(ctx);
  const component = ({ extraArgs, extraVolumes }: typeof kubernetes.scheduler) => ({
    extraArgs: args(version, withGates(extraArgs)),
    ...volumes(extraVolumes),
  });
  return {
    apiVersion: apiVersion(ctx),
    kind: 'ClusterConfiguration',
    ...clusterBasics(ctx),
    ...(usesLists(version) ? { encryptionAlgorithm: 'ECDSA-P256' } : {}),
    etcd: { external: { ...etcdForApiserver(ctx, etcdEndpoints) } },
    apiServer: {
      certSANs: [...apiServerSans(ctx)],
      extraArgs: args(version, withGates({ ...own.flags, ...kubernetes.apiServer.extraArgs })),
      ...volumes([...own.volumes, ...kubernetes.apiServer.extraVolumes]),
    },
    controllerManager: component(kubernetes.controllerManager),
    scheduler: component(kubernetes.scheduler),
    dns: { ...kubernetes.dns },
  };
}

/** What the sections of the config that are more than flags ask of kube-apiserver. */
function apiServerSections(ctx: PlanContext): { readonly flags: ExtraArgs; readonly volumes: readonly ExtraVolume[] } {
  const audit = auditSettings(ctx);
  const encrypts = ctx.cluster.spec.kubernetes.encryptionAtRest !== undefined;
  return {
    flags: { ...audit?.flags, ...(encrypts ? encryptionFlags : {}) },
    volumes: [...(audit?.volumes ?? []), ...(encrypts ? [encryptionVolume] : [])],
  };
}

function volumes(list: readonly ExtraVolume[]): Document {
  return list.length > 0 ? { extraVolumes: list.map((volume) => ({ ...volume })) } : {};
}

/** Names and addresses of all apiservers that the cluster file knows; kubeadm adds those of Kubernetes' own Service and of the host. */
export function apiServerSans(ctx: PlanContext): readonly string[] {
  const { kubernetes, roleGroups } = ctx.cluster.spec;
  const controlPlanes = roleGroups['control-plane'].map((name) => hostNamed(ctx, name));
  return [
    ...new Set([
      ...endpointNames(ctx),
      'localhost',
      '127.0.0.1',
      ...controlPlanes.flatMap((host) => [host.name, host.address, host.internalAddress]),
      ...kubernetes.apiServer.certExtraSans,
    ]),
  ];
}

/** By which names and addresses all apiservers are asked, beside their own. */
function endpointNames({ cluster }: PlanContext): readonly string[] {
  const { controlPlaneEndpoint: endpoint } = cluster.spec;
  return [endpoint.domain, ...(endpoint.type === 'internal' ? [] : [endpoint.address])];
}

/** What the certificate of a host's apiserver must have at least: names of other control planes do no harm. */
export function servingNames(ctx: PlanContext, host: HostName): readonly string[] {
  const { name, address, internalAddress: internal } = hostNamed(ctx, host);
  const { certExtraSans } = ctx.cluster.spec.kubernetes.apiServer;
  return [...new Set([...endpointNames(ctx), 'localhost', '127.0.0.1', name, address, internal, ...certExtraSans])];
}

/** What all components are made from. */
function clusterBasics({ cluster }: PlanContext) {
  const { kubernetes, network, controlPlaneEndpoint: endpoint } = cluster.spec;
  return {
    clusterName: kubernetes.clusterName,
    kubernetesVersion: kubernetes.version,
    controlPlaneEndpoint: `${endpoint.domain}:${endpoint.port}`,
    imageRepository: kubernetes.imageRepository,
    certificatesDir: hostPaths.kubernetesPki,
    networking: {
      dnsDomain: kubernetes.dnsDomain,
      podSubnet: network.kubePodsCIDR,
      serviceSubnet: network.kubeServiceCIDR,
    },
  };
}

function kubeletConfiguration({ cluster }: PlanContext): Document {
  const { certs } = cluster.spec;
  const { kubelet, featureGates } = cluster.spec.kubernetes;
  const base = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: 'systemd',
    // Where nobody signs what it would ask for, it does not ask.
    rotateCertificates: certs.ca === undefined || certs.ca.keyFile !== undefined,
    ...(Object.keys(featureGates).length > 0 ? { featureGates } : {}),
  };
  return deepMerge(base, kubelet.extraConfig) as Document;
}

function kubeProxyConfiguration({ cluster }: PlanContext): Document {
  const { kubernetes, network } = cluster.spec;
  const { kubeProxy, featureGates } = kubernetes;
  const base = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: kubeProxy.mode,
    clusterCIDR: network.kubePodsCIDR,
    ...(Object.keys(featureGates).length > 0 ? { featureGates } : {}),
  };
  return deepMerge(base, kubeProxy.extraConfig) as Document;
}

function args(kubernetesVersion: string, given: ExtraArgs): Json {
  return usesLists(kubernetesVersion) ? Object.entries(given).map(([name, value]) => ({ name, value })) : { ...given };
}
