import { etcdHealth, observeHealth } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** Everything that tells whether etcd is well, also where some hosts or members are down. */
export const etcdHealthOf = defineReading('etcd-health', etcdHealth, observeHealth);
