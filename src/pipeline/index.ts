export type { EtcdObservation, Findings, ObservedMember, PlanContext } from '../task/index.js';
export { graphToDot, graphToJson, graphToMermaid, graphToText } from '../plan/index.js';
export { checkCluster } from './cluster/check.js';
export { createCluster } from './cluster/create.js';
export { clusterStatus, statusReports } from './cluster/status.js';
export type { ClusterGraph, Pipeline } from './define.js';
export { etcdStateOf } from './etcd/state.js';
export { defineReading, type Reading } from './reading.js';
