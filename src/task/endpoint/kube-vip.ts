import { hostPaths } from '../../common/host-paths.js';
import { type After, type Draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import { placeStaticPod, type StepContext } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { hostsWithRole, type PlanContext } from '../context.js';
import { initHost, servingHosts } from '../kubernetes/init-host.js';
import { controlPlaneMade, nodeJoined } from '../milestones.js';
import { addressInterface, answering } from './hosts.js';

/**
 * kube-vip on every control plane; the one that is elected has the address and answers ARP for it. Each speaks to its own API
 * server, so it does not need the address that it brings, and kubeadm init has given admin.conf its rights before it starts.
 * The Ref stands for the first and for those that serve already: enough for the address to be there when others join.
 */
export function keepByKubeVip(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { address, port, image }: { readonly address: string; readonly port: number; readonly image: string },
): Ref {
  const place = (name: string, hosts: readonly HostName[], after: After) =>
    g.addEach(
      name,
      hosts,
      (host) =>
        placeStaticPod({
          name: 'kube-vip',
          nodeName: host,
          endpoint: criEndpoint(ctx, host).socket,
          pod: kubeVipPod({ address, port, image, device: addressInterface(ctx, host, address) }),
          inputs: [],
        }),
      { after },
    );
  const first = [...new Set([initHost(ctx), ...servingHosts(ctx)])];
  const others = answering(ctx, hostsWithRole(ctx, 'control-plane')).filter((host) => !first.includes(host));
  const raised = place('kube-vip', first, controlPlaneMade);
  place('kube-vip-of-the-others', others, [raised, sameHost(nodeJoined, { where: 'present' })]);
  return raised;
}

function kubeVipPod({
  address,
  port,
  image,
  device,
}: {
  readonly address: string;
  readonly port: number;
  readonly image: string;
  readonly device: string;
}) {
  const settings = {
    vip_arp: 'true',
    port: String(port),
    vip_interface: device,
    vip_subnet: '32',
    cp_enable: 'true',
    cp_namespace: 'kube-system',
    vip_ddns: 'false',
    svc_enable: 'false',
    vip_leaderelection: 'true',
    vip_leasename: 'plndr-cp-lock',
    vip_leaseduration: '5',
    vip_renewdeadline: '3',
    vip_retryperiod: '1',
    address,
    // Without this it opens a port for metrics on every address.
    prometheus_server: '127.0.0.1:2112',
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'kube-vip',
      namespace: 'kube-system',
      labels: { component: 'kube-vip', 'app.kubernetes.io/managed-by': 'kubexm' },
    },
    spec: {
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      // By this name it looks for the API server of its own host.
      hostAliases: [{ ip: '127.0.0.1', hostnames: ['kubernetes'] }],
      containers: [
        {
          name: 'kube-vip',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['manager'],
          env: [
            ...Object.entries(settings).map(([name, value]) => ({ name, value })),
            { name: 'vip_nodename', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          ],
          securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } },
          volumeMounts: [{ name: 'kubeconfig', mountPath: hostPaths.adminKubeconfig, readOnly: true }],
        },
      ],
      volumes: [{ name: 'kubeconfig', hostPath: { path: hostPaths.adminKubeconfig, type: 'File' } }],
    },
  };
}
