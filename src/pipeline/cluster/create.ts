import {
  addons,
  baseline,
  controlPlane,
  defineModule,
  endpoint,
  infrastructure,
  network,
  type PruneNodes,
  preflight,
  pruneNodes,
  worker,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

const modules = [baseline, infrastructure, controlPlane, endpoint, network, worker, addons];

/** Machines in, a cluster out; on a cluster that is there, it finds nothing to do or puts right what differs. */
export const createCluster = definePipeline('create-cluster', { gate: preflight, modules });

/** And nodes that the config does not have (any more) go. */
export const createAndPrune = (params: PruneNodes): Pipeline =>
  definePipeline('create-cluster', {
    gate: preflight,
    modules: [...modules, defineModule('prune', [pruneNodes(params)])],
  });
