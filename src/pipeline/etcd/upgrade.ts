import {
  type EtcdVersions,
  etcdMemberUpgrades,
  etcdUpgradePreparation,
  etcdVersions,
  observeEtcdVersions,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

/** What etcd runs, and whether an upgrade was interrupted. */
export const etcdVersionsOf = defineReading('etcd-versions', etcdVersions, observeEtcdVersions);

/** Everything is fetched and a snapshot is taken before the first member stops; then one after the other. */
export function upgradeEtcd(params: { readonly observed: EtcdVersions; readonly to: string }): Pipeline {
  return definePipeline('upgrade-etcd', {
    gate: etcdUpgradePreparation(params),
    modules: [etcdMemberUpgrades(params)],
  });
}
