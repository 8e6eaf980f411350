import { uncordonNodesOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import type { OperationOptions } from '../operation.js';
import { changeScheduling } from './change-scheduling.js';

/** `kubexm node uncordon NODE...` */
export function run(invocation: Invocation<OperationOptions>): Promise<number> {
  return changeScheduling(invocation, {
    name: 'uncordon',
    effect: 'new pods may come, whoever cordoned before',
    pipelineFor: uncordonNodesOf,
  });
}
