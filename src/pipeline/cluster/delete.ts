import { type DeleteCluster, defineModule, deleteCluster, guardOwnership } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** The hosts as they were before; those that do not answer stay as they are. */
export const deletionOfCluster = (params: DeleteCluster): Pipeline =>
  definePipeline('delete-cluster', {
    gate: defineModule('preflight', [guardOwnership()]),
    modules: [defineModule('cluster', [deleteCluster(params)])],
  });
