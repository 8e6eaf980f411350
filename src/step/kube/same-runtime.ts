import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';

/** `endpoint`: the socket that the config gives the node. */
export interface SameRuntime {
  readonly nodeName: string;
  readonly endpoint: string;
}

const directory = '/var/lib/kubelet';

/**
 * Refuses to give a node another container runtime than the one that its pods run in: that takes a drain. It changes
 * nothing.
 */
export const sameRuntime = defineStep<SameRuntime>({
  kind: 'cri.same-runtime',
  title: (p) => `Check the container runtime of ${p.nodeName}`,
  async precheck(ctx, p) {
    const found = await kubeletEndpoint(ctx);
    if (found === undefined || found === p.endpoint)
      return satisfied('the kubelet uses the runtime of the cluster file');
    const to = p.endpoint.includes('cri-dockerd') ? 'docker' : 'containerd';
    throw new KubexmError('GUARD_REFUSED', `${ctx.host.name}: its pods run in another container runtime`, {
      details: [`the kubelet uses ${found}`, `the cluster file wants ${p.endpoint}`],
      hint: `kubexm node migrate-runtime ${p.nodeName} --to ${to}; or correct containerRuntime.type in the cluster file`,
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});

/** The socket that the kubelet uses; undefined where none of its files names one. A flag wins over its files. */
export async function kubeletEndpoint({ host, signal }: StepContext): Promise<string | undefined> {
  const { parse } = await import('yaml');
  const read = (name: string) => host.readFile(`${directory}/${name}`, { signal });
  const [flags, instance, config] = await Promise.all([
    read('kubeadm-flags.env'),
    // Written by kubeadm from 1.34 on.
    read('instance-config.yaml'),
    read('config.yaml'),
  ]);
  const flag = /--container-runtime-endpoint=([^\s"]+)/.exec(flags ?? '')?.[1];
  const named = [instance, config].map(
    (text) => (parse(text ?? '') as { containerRuntimeEndpoint?: string } | null)?.containerRuntimeEndpoint,
  );
  return withScheme([flag, ...named].find((each) => each !== undefined && each !== ''));
}

function withScheme(endpoint: string | undefined): string | undefined {
  return endpoint?.startsWith('/') ? `unix://${endpoint}` : endpoint;
}
