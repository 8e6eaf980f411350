import {
  defineModule,
  observeRestore,
  prepareRestore,
  readEtcd,
  readRestore,
  restoreEtcd,
} from '../../module/index.js';
import type { RestoreObservation } from '../../task/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading, type Reading } from '../reading.js';

/** Members, and restores that are half done. */
export const restoreStateOf: Reading<RestoreObservation> = defineReading(
  'restore-state',
  defineModule('restore-state', [readEtcd, readRestore]),
  observeRestore,
);

/** The part of a restore that stops nothing. */
export const prepareEtcdRestore = (...params: Parameters<typeof prepareRestore>): Pipeline =>
  definePipeline('prepare-etcd-restore', { gate: defineModule('etcd', [prepareRestore(...params)]), modules: [] });

/** The part that stops the cluster and brings it back with the data of the snapshot. */
export const restoreOfEtcd = (...params: Parameters<typeof restoreEtcd>): Pipeline =>
  definePipeline('restore-etcd', { gate: defineModule('etcd', [restoreEtcd(...params)]), modules: [] });
