import { benchCreatePlan } from './create-plan.js';
import { benchEngine } from './engine.js';
import { benchPlan } from './plan.js';
import type { BenchRow } from './row.js';

/** Each in a process of its own, so that one's memory is not the other's: scripts/bench.mjs. */
export const benches: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  plan: benchPlan,
  engine: benchEngine,
  'create-plan': benchCreatePlan,
};
