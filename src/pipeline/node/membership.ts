import {
  type AddNodes,
  addNodes,
  beforeAddingNodes,
  beforeDeleting,
  type DeleteNodes,
  defineModule,
  deleteNodes,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** The targeted form of `cluster create`: for new nodes, and no others. */
export const addNodesToCluster = (params: AddNodes): Pipeline =>
  definePipeline('add-nodes', {
    gate: defineModule('preflight', [beforeAddingNodes(params)]),
    modules: [defineModule('nodes', [addNodes(params)])],
  });

/** Nodes out of the cluster, their hosts alive or dead. */
export const deleteNodesOfCluster = (params: DeleteNodes): Pipeline =>
  definePipeline('delete-nodes', {
    gate: defineModule('preflight', [beforeDeleting(params)]),
    modules: [defineModule('nodes', [deleteNodes(params)])],
  });
