import type { Module } from '../module/index.js';
import { draft, type ExecutionGraph, seal } from '../plan/index.js';
import type { StepContext } from '../step/index.js';
import type { PlanContext } from '../task/index.js';

/** A closed graph of a cluster. */
export type ClusterGraph = ExecutionGraph<StepContext>;

/** What a user wants done: modules in order, linked into one closed graph. */
export interface Pipeline {
  readonly name: string;
  plan(ctx: PlanContext): ClusterGraph;
}

/**
 * `gate` comes whole before everything else: nothing of the later modules begins on any host until it is through. Those
 * are linked by the milestones that their tasks reach and need; seal finds what nobody reaches.
 */
export function definePipeline(
  name: string,
  { gate, modules }: { readonly gate: Module; readonly modules: readonly Module[] },
): Pipeline {
  return Object.freeze({
    name,
    plan(ctx: PlanContext) {
      const g = draft<StepContext>(name);
      const passed = g.include(gate.plan(ctx));
      for (const module of modules) g.include(module.plan(ctx), { after: passed });
      return seal(name, g.done(), { hosts: ctx.cluster.spec.hosts.map((host) => host.name) });
    },
  });
}
