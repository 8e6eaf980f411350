import { hostPaths, ports } from '../../common/host-paths.js';
import { type Draft, type HostName, type Ref, type Step, sameHost } from '../../plan/index.js';
import { placeStaticPod, renderTemplate, type StepContext } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { hostsWithRole, internalAddress, type PlanContext } from '../context.js';
import { nodeJoined, osReady } from '../milestones.js';
import { balancedWorkers } from './hosts.js';

const config = `${hostPaths.endpoint.haproxyPod}/haproxy.cfg`;

/**
 * A haproxy on each worker, at 127.0.0.1. As a static pod: the kubelet runs it before it has reached the API. It comes after the
 * join, which finds the control planes by themselves.
 */
export function balanceWorkers(g: Draft<StepContext>, ctx: PlanContext, image: string): Ref {
  const hosts = balancedWorkers(ctx);
  const written = g.add('haproxy-config', hosts, haproxyConfig(ctx, { bind: '127.0.0.1', target: config }), {
    after: sameHost(osReady, { where: 'present' }),
  });
  return g.addEach(
    'haproxy',
    hosts,
    (host) =>
      placeStaticPod({
        name: 'haproxy',
        nodeName: host,
        endpoint: criEndpoint(ctx, host).socket,
        pod: haproxyPod(image),
        inputs: [config],
        health: { port: ports.haproxyHealth, path: '/ready' },
      }),
    { after: [sameHost(written), sameHost(nodeJoined, { where: 'present' })] },
  );
}

/** `bind`: the address at which it listens. */
export function haproxyConfig(
  ctx: PlanContext,
  { bind, target }: { readonly bind: string; readonly target: string },
): Step<StepContext> {
  const { port } = ctx.cluster.spec.controlPlaneEndpoint;
  const server = (name: HostName) => ({ name, address: `${internalAddress(ctx, name)}:${ports.apiserver}` });
  return renderTemplate({
    template: 'endpoint/haproxy.cfg',
    data: {
      bind: `${bind}:${port}`,
      servers: hostsWithRole(ctx, 'control-plane').map(server),
      healthPort: ports.haproxyHealth,
    },
    target,
  });
}

function haproxyPod(image: string) {
  const probe = (path: string) => ({ httpGet: { host: '127.0.0.1', port: ports.haproxyHealth, path } });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'haproxy',
      namespace: 'kube-system',
      labels: { component: 'haproxy', 'app.kubernetes.io/managed-by': 'kubexm' },
    },
    spec: {
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      terminationGracePeriodSeconds: 5,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'haproxy',
          image,
          imagePullPolicy: 'IfNotPresent',
          resources: { requests: { cpu: '25m', memory: '32Mi' } },
          livenessProbe: { ...probe('/live'), periodSeconds: 10, failureThreshold: 3 },
          readinessProbe: { ...probe('/ready'), periodSeconds: 10 },
          volumeMounts: [{ name: 'config', mountPath: '/usr/local/etc/haproxy', readOnly: true }],
        },
      ],
      volumes: [{ name: 'config', hostPath: { path: hostPaths.endpoint.haproxyPod, type: 'Directory' } }],
    },
  };
}
