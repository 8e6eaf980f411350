import { parallel, scoped } from '../plan/index.js';
import type { PlanContext, Task } from '../task/index.js';

type Fragment = ReturnType<Task['plan']>;

/** A part of a cluster's life: tasks that belong together. */
export interface Module {
  readonly name: string;
  plan(ctx: PlanContext): Fragment;
}

/**
 * Tasks beside each other. What must wait says so by the milestones that it needs; everything else runs as early as it
 * can, on each host on its own.
 */
export function defineModule(name: string, tasks: readonly Task[]): Module {
  return Object.freeze({
    name,
    plan: (ctx: PlanContext) => scoped(name, parallel(...tasks.map((task) => task.plan(ctx)))),
  });
}
