import type { Module } from '../module/index.js';
import type { Findings, PlanContext } from '../task/index.js';
import { definePipeline, type Pipeline } from './define.js';

/** A look at a running cluster: what is asked, and what the answers mean. It changes nothing. */
export interface Reading<T> {
  readonly pipeline: Pipeline;
  interpret(ctx: PlanContext, findings: Findings): T;
}

export function defineReading<T>(name: string, module: Module, interpret: Reading<T>['interpret']): Reading<T> {
  return Object.freeze({ pipeline: definePipeline(name, { gate: module, modules: [] }), interpret });
}
