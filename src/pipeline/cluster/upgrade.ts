import {
  defineModule,
  observeUpgrade,
  prepareUpgrade,
  readEtcd,
  readUpgradeState,
  rollUpgrade,
  type UpgradeCluster,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

/** What runs where, and what stands in the way of an upgrade. */
export const upgradeStateOf = defineReading(
  'upgrade-state',
  defineModule('upgrade-state', [readEtcd, readUpgradeState]),
  observeUpgrade,
);

/** Everything is on the hosts and a snapshot is taken before anything stops; then version by version, node by node. */
export function upgradeOfCluster(params: UpgradeCluster): Pipeline {
  return definePipeline('upgrade-cluster', {
    gate: defineModule('prepare', [prepareUpgrade(params)]),
    modules: [defineModule('nodes', [rollUpgrade(params)])],
  });
}
