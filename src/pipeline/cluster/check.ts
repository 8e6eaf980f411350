import { hostChecks } from '../../module/index.js';
import { definePipeline } from '../define.js';

/** Only the checks, for the hosts that answer: so that one that does not is reported together with all other problems. */
export const checkCluster = definePipeline('check-cluster', { gate: hostChecks, modules: [] });
