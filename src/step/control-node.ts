import { KubexmError } from '../errors/index.js';
import { CONTROL_NODE } from '../plan/index.js';
import type { StepContext } from './context.js';

/** For steps that work on files of the machine that kubexm itself runs on: planned for another host they would do it here. */
export function requireControlNode({ host }: StepContext, kind: string): void {
  if (host.name === CONTROL_NODE) return;
  throw new KubexmError('INTERNAL', `the step ${kind} runs on the control node only, not on ${host.name}`, {
    retryable: false,
  });
}
