import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import { migrateNodeRuntime, nodeRuntimeOf, type RuntimeReport } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import { nodesNamed, secondsOf } from './nodes.js';

interface MigrateOptions extends OperationOptions {
  readonly to: 'containerd' | 'docker';
  /** Seconds. */
  readonly drainTimeout: string;
}

/** `kubexm node migrate-runtime NODE --to docker` */
export async function run({ options, args, io }: Invocation<MigrateOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const [node = ''] = nodesNamed(cluster, args);
  const { to } = options;
  requireConfigured(cluster, node, to);
  const drainSeconds = secondsOf('--drain-timeout', options.drainTimeout, 1);
  const { exitCode } = await runOperation<RuntimeReport>({
    cluster,
    options,
    io,
    name: `node migrate-runtime ${node} --to ${to}`,
    mayBeDown: (host) => host !== node,
    read: (runtime) => readCluster(runtime, nodeRuntimeOf(node)),
    plan: (ctx, observed) => migrateNodeRuntime({ node, to, observed, drainSeconds }).plan(ctx),
    summary: (graph, { endpoint }) =>
      endpoint?.includes('cri-dockerd') === (to === 'docker')
        ? `${node} uses ${to} already; what hangs on it is looked after: ${sizeOf(graph)}`
        : `${node} is drained, goes to ${to} and takes pods again; no other node is touched: ${sizeOf(graph)}`,
    question: ({ endpoint }) =>
      endpoint?.includes('cri-dockerd') === (to === 'docker')
        ? undefined
        : {
            lines: [`All pods of ${node} are ended there, those of DaemonSets too. Its old images stay on its disk.`],
            question: `Drain ${node} and change its container runtime?`,
          },
    next: () => 'Next: kubexm cluster status',
  });
  return exitCode;
}

/** The config is what the next `cluster create` goes by: it must say the same. */
function requireConfigured({ spec }: Cluster, node: string, to: MigrateOptions['to']): void {
  const host = spec.hosts.find(({ name }) => name === node);
  if (host?.containerRuntime.type === to) return;
  throw new KubexmError('CONFIG_INVALID', `the config gives ${node} ${host?.containerRuntime.type ?? ''}, not ${to}`, {
    hint: `write into the config, at the host ${node}: containerRuntime: { type: ${to} }; then run the same command again`,
  });
}
