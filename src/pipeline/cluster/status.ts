import { status, statusReports } from '../../module/index.js';
import { definePipeline } from '../define.js';

/** Reads nodes, pods, etcd and certificates. The findings come as log events: see `statusReports`. */
export const clusterStatus = definePipeline('cluster-status', { gate: status, modules: [] });
export { statusReports };
