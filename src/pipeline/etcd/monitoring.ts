import { defineModule, etcdMonitoring } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** Files for Prometheus and Grafana, in a directory of the control machine. No host is asked. */
export function monitorEtcd(params: { readonly dir: string }): Pipeline {
  return definePipeline('etcd-monitoring', { gate: defineModule('gate', []), modules: [etcdMonitoring(params)] });
}
