import { addons, baseline, controlPlane, infrastructure, network, preflight, worker } from '../../module/index.js';
import { definePipeline } from '../define.js';

/** Machines in, a cluster out; on a cluster that is there, it finds nothing to do or puts right what differs. */
export const createCluster = definePipeline('create-cluster', {
  gate: preflight,
  modules: [baseline, infrastructure, controlPlane, network, worker, addons],
});
