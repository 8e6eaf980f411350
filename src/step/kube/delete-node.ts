import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** Runs on a control plane host that stays. */
export interface DeleteNode {
  readonly node: string;
}

/** Takes a node out of the API; its pods are forgotten with it. Its kubelet must have ended: one that starts registers anew. */
export const deleteNode = defineStep<DeleteNode>({
  kind: 'kube.delete-node',
  title: (p) => `Remove the node ${p.node} from the cluster`,
  policy: { attempts: 3, backoffMs: 1000 },
  async precheck({ host, signal }, { node }) {
    const { stdout } = await host.run(kubectl(['get', 'node', node, '--ignore-not-found', '-o', 'name']), { signal });
    return stdout.trim() === '' ? satisfied('is no node any more') : needed('is a node');
  },
  async run({ host, signal }, { node }) {
    await host.run(kubectl(['delete', 'node', node, '--ignore-not-found', '--timeout=60s']), { signal, long: true });
  },
});
