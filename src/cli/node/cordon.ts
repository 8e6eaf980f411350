import { cordonNodesOf } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import type { OperationOptions } from '../operation.js';
import { changeScheduling } from './change-scheduling.js';

/** `kubexm node cordon NODE...` */
export function run(invocation: Invocation<OperationOptions>): Promise<number> {
  return changeScheduling(invocation, {
    name: 'cordon',
    effect: 'no new pods, those that are there stay',
    pipelineFor: cordonNodesOf,
  });
}
