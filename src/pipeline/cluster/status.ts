import { observeStatus, status } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** Nodes, pods, etcd and certificates. */
export const clusterStatus = defineReading('cluster-status', status, observeStatus);
