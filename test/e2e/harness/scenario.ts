import type { ClusterName } from './clusters.js';
import type { ScenarioTools } from './tools.js';

/** One thing that kubexm must show on real hosts. Its file is named after its id: `test/e2e/create/create-2.ts`. */
export interface Scenario {
  /** `create-2` */
  readonly id: string;
  /** What holds when it passes. */
  readonly title: string;
  /** A part of `npm test`; default false. */
  readonly core?: boolean;
  /** How many lab hosts it uses: the first ones. */
  readonly hosts: number;
  /**
   * What it begins with. `fresh` (default): its hosts are reset. `absent`: there is no lab. The name of a cluster: that one is
   * there; the first scenario that needs it creates it, and all that need it share it and its work directory.
   */
  readonly needs?: 'fresh' | 'absent' | ClusterName;
  /** The shared cluster is not what it was afterwards: the scenario runs after the others, and the cluster is thrown away. */
  readonly breaks?: boolean;
  /** It leaves this cluster in its work directory (`cluster.yaml` beside it), for those that need it. */
  readonly provides?: ClusterName;
  /** Default 15. Includes nothing but `run`. */
  readonly timeoutMinutes?: number;
  /** A reason not to run here, or undefined. */
  skip?(): string | undefined | Promise<string | undefined>;
  run(t: ScenarioTools): Promise<void>;
}

const mark = Symbol('scenario');

/** Declares a scenario; the runner finds it among the exports of its file. */
export function scenario(definition: Scenario): Scenario {
  return Object.freeze(Object.assign({}, definition, { [mark]: true }));
}

export function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && mark in value;
}
