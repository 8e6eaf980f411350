import { etcdCompaction, etcdDefragmentation, etcdGuard, etcdSpaceRecovery } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** One member after the other gives back the holes of its database file. */
export function defragmentEtcd(params: Parameters<typeof etcdDefragmentation>[0]): Pipeline {
  return definePipeline('defrag-etcd', { gate: etcdGuard, modules: [etcdDefragmentation(params)] });
}

/** History goes, and its space is free for new data. */
export function compactEtcdTo(params: Parameters<typeof etcdCompaction>[0]): Pipeline {
  return definePipeline('compact-etcd', { gate: etcdGuard, modules: [etcdCompaction(params)] });
}

/** From the alarm NOSPACE back to a cluster that takes writes. */
export function recoverSpaceOfEtcd(params: Parameters<typeof etcdSpaceRecovery>[0]): Pipeline {
  return definePipeline('recover-etcd-space', { gate: etcdGuard, modules: [etcdSpaceRecovery(params)] });
}
