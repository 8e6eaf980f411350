import type { Output } from '../../plan/index.js';
import type { StepContext } from '../context.js';

/** A text known at plan time, or the one that an earlier step learned. */
export function lateText(ctx: StepContext, value: string | Output<string>): string {
  return typeof value === 'string' ? value : ctx.read(value);
}
