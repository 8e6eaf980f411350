import type { EdgeWhere } from './types.js';

/** Stands for a piece of work in the draft that handed it out; means nothing anywhere else. */
export interface Ref {
  readonly type: 'ref';
  readonly name: string;
}

/** A state of the cluster that one fragment reaches and others wait for, without knowing each other. */
export interface Milestone {
  readonly type: 'milestone';
  readonly id: string;
}

/** Each host waits for itself only, and not for all hosts of what comes before. */
export interface SameHost {
  readonly type: 'sameHost';
  readonly of: Before;
  readonly where?: EdgeWhere;
}

/** What `sameHost` takes. */
export type Before = Ref | Milestone | readonly Before[];

/** What work waits for. Refs and milestones on their own are barriers: all hosts of them must be through. */
export type After = Ref | Milestone | SameHost | readonly After[];

/** A milestone as a constant to hand around: `const apiServing = milestone('api-serving')`. */
export function milestone(id: string): Milestone {
  return Object.freeze({ type: 'milestone', id });
}

/**
 * Each host runs ahead as soon as it is through with `of` itself. `seal` faults hosts that `of` does not have, unless
 * `where` is `present`: then those wait for nothing.
 */
export function sameHost(of: Before, options: { readonly where?: EdgeWhere } = {}): SameHost {
  return Object.freeze({ type: 'sameHost', of, ...options });
}
