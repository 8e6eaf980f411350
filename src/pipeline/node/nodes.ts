import {
  beforeDraining,
  cordonNodes,
  type DrainNodes,
  defineModule,
  drainNodes,
  observeEtcd,
  observeNodes,
  readEtcd,
  readNodes,
  uncordonNodes,
} from '../../module/index.js';
import type { EtcdObservation, NodesObservation } from '../../task/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading, type Reading } from '../reading.js';

/** The nodes as the API and, with `certificates`, their hosts know them. Needs a control plane that answers, or some host. */
export const nodesOf = (options: { readonly certificates: boolean }): Reading<NodesObservation> =>
  defineReading('nodes', defineModule('nodes', [readNodes(options)]), observeNodes);

/** What a removal of nodes rests on. */
export const nodesAndEtcd: Reading<{ readonly observed: NodesObservation; readonly etcd: EtcdObservation }> =
  defineReading('nodes', defineModule('nodes', [readNodes({ certificates: false }), readEtcd]), (ctx, findings) => ({
    observed: observeNodes(ctx, findings),
    etcd: observeEtcd(ctx, findings),
  }));

/** Pods move away, one node after the other. */
export const drainNodesOf = (params: DrainNodes): Pipeline =>
  definePipeline('drain-nodes', {
    gate: defineModule('preflight', [beforeDraining(params)]),
    modules: [defineModule('nodes', [drainNodes(params)])],
  });

export const cordonNodesOf = (nodes: readonly string[]): Pipeline =>
  definePipeline('cordon-nodes', { gate: defineModule('nodes', [cordonNodes(nodes)]), modules: [] });

export const uncordonNodesOf = (nodes: readonly string[]): Pipeline =>
  definePipeline('uncordon-nodes', { gate: defineModule('nodes', [uncordonNodes(nodes)]), modules: [] });
