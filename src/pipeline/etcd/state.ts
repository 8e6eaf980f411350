import { etcdState, observeEtcd } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** Members and their state, also where some hosts or members are down. */
export const etcdStateOf = defineReading('etcd-state', etcdState, observeEtcd);
