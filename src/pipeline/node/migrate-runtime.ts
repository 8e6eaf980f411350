import {
  checkHosts,
  defineModule,
  fetchRuntime,
  migrateRuntime,
  observeNodeRuntime,
  readNodeRuntime,
} from '../../module/index.js';
import type { MigrateRuntime } from '../../task/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

/** Which container runtime a node uses. */
export const nodeRuntimeOf = (node: string) =>
  defineReading('node-runtime', defineModule('node-runtime', [readNodeRuntime(node)]), observeNodeRuntime);

/** One node, and no other. */
export const migrateNodeRuntime = (params: MigrateRuntime): Pipeline =>
  definePipeline('migrate-runtime', {
    gate: defineModule('preflight', [checkHosts, fetchRuntime(params.node)]),
    modules: [defineModule('node', [migrateRuntime(params)])],
  });
