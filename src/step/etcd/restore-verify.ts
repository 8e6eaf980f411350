import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed } from '../define.js';
import { kubectl } from '../kube/kubectl.js';

/** `namespaces`: of the snapshot; `nodes`: those of the config. */
export interface VerifyRestored {
  readonly namespaces: readonly string[];
  readonly nodes: readonly string[];
}

interface Listed {
  readonly items: readonly {
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec?: { readonly renewTime?: string };
  }[];
}

/**
 * Waits until the API serves the namespaces of the snapshot and hears from every node. What a restored node says of itself is
 * as old as the snapshot: only a heartbeat that comes anew shows that its kubelet has found the API again.
 */
export const verifyRestored = defineStep<VerifyRestored>({
  kind: 'etcd.restore-verify',
  title: (p) => `Verify that the API serves the snapshot and hears from ${p.nodes.length} nodes`,
  policy: { timeoutMs: 420_000 },
  recheck: false,
  precheck: () => Promise.resolve(needed('only what is heard from now on counts')),
  async run(ctx, p) {
    const first = new Map<string, string>();
    const answer = await pollUntil(
      async () => {
        const problems = await look(ctx, p, first);
        return { done: problems.length === 0, problems };
      },
      { timeoutMs: 300_000, intervalMs: 1000, signal: ctx.signal },
    );
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', 'etcd serves the snapshot, but the cluster is not whole', {
      details: answer.problems.slice(0, 20),
      hint: 'on the nodes that are named: journalctl -u kubelet -n 50; then run the same command again',
    });
  },
});

/** `first`: the heartbeats that were seen first, by node; filled here. */
async function look(ctx: StepContext, p: VerifyRestored, first: Map<string, string>): Promise<string[]> {
  const { exitCode, stdout, stderr } = await ctx.host.tryRun(
    kubectl(['get', 'namespaces,nodes,leases.coordination.k8s.io', '-n', 'kube-node-lease', '-o', 'json']),
    { signal: ctx.signal },
  );
  if (exitCode !== 0) return [`the API does not answer: ${stderr.trim().split('\n').at(-1) ?? ''}`];
  const { items } = JSON.parse(stdout) as Listed;
  const names = (kind: string) =>
    new Set(items.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name));
  const namespaces = names('Namespace');
  const nodes = names('Node');
  const heard = new Map(
    items.flatMap(({ kind, metadata, spec }) => (kind === 'Lease' ? [[metadata.name, spec?.renewTime ?? '']] : [])),
  );
  return [
    ...p.namespaces.filter((name) => !namespaces.has(name)).map((name) => `the namespace ${name} is not served`),
    ...p.nodes.flatMap((name) => {
      if (!nodes.has(name)) return [`the node ${name} is not registered`];
      const now = heard.get(name) ?? '';
      if (!first.has(name)) first.set(name, now);
      return first.get(name) === now ? [`nothing was heard from the kubelet of ${name} yet`] : [];
    }),
  ];
}
