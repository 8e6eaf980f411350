import { type After, draft, type HostName } from '../../plan/index.js';
import { cordonNode, type DrainNode, drainNode, guardDrain, type StepContext, uncordonNode } from '../../step/index.js';
import { defineTask, type Fragment, type Task } from '../context.js';
import { speakerBeside } from '../kubernetes/init-host.js';

/** As kubectl has them; `timeoutSeconds` is for each node. */
export type DrainOptions = Omit<DrainNode, 'node' | 'putBack'>;

export interface DrainNodes extends DrainOptions {
  readonly nodes: readonly HostName[];
}

/** No pod of these nodes would be lost by a drain. */
export function beforeDraining({ nodes, ...options }: DrainNodes): Task {
  return defineTask('before-draining', (ctx) => {
    const g = draft<StepContext>('before-draining');
    const speaker = speakerBeside(ctx, nodes);
    for (const node of nodes) g.add(`pods-of-${node}`, [speaker], guardDrain({ node, ...options }));
    return g.done();
  });
}

/** One node after the other, and then it stays cordoned. */
export function drainNodes(params: DrainNodes): Task {
  return defineTask('drain-nodes', (ctx) => {
    const speaker = speakerBeside(ctx, params.nodes);
    const g = draft<StepContext>('drain-nodes');
    let before: After = [];
    const { nodes, ...options } = params;
    for (const node of nodes) {
      const drained = g.include(emptied(node, { speaker, operation: 'node drain', options }), {
        after: before,
      });
      before = g.add(`keep-cordoned-${node}`, [speaker], cordonNode({ node }), { after: drained });
    }
    return g.done();
  });
}

/** Cordons a node and moves its pods away; where they do not go in time, the node is left as it was. */
export function emptied(
  node: HostName,
  {
    speaker,
    operation,
    options,
  }: { readonly speaker: HostName; readonly operation: string; readonly options: DrainOptions },
): Fragment {
  const step = drainNode({ ...options, node, putBack: operation });
  const g = draft<StepContext>(node);
  const cordoned = g.add('cordon', [speaker], cordonNode({ node, operation }));
  g.add('drain', [speaker], step, { after: cordoned });
  return g.done();
}

export function cordonNodes(nodes: readonly HostName[]): Task {
  return defineTask('cordon-nodes', (ctx) => {
    const g = draft<StepContext>('cordon-nodes');
    const speaker = speakerBeside(ctx, nodes);
    for (const node of nodes) g.add(node, [speaker], cordonNode({ node }));
    return g.done();
  });
}

/** Whoever cordoned them. */
export function uncordonNodes(nodes: readonly HostName[]): Task {
  return defineTask('uncordon-nodes', (ctx) => {
    const g = draft<StepContext>('uncordon-nodes');
    const speaker = speakerBeside(ctx, nodes);
    for (const node of nodes) g.add(node, [speaker], uncordonNode({ node, whoever: true }));
    return g.done();
  });
}
