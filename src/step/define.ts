import { KubexmError } from '../errors/index.js';
import type { Json, Precheck, Step, StepPolicy } from '../plan/index.js';
import type { StepContext } from './context.js';
import { plainCopy } from './plain.js';

/** Plain data, checked by type: no functions, so no Secret either. Interfaces are welcome, which `Json` alone refuses. */
export type Plain<T> = T extends Json | undefined
  ? T
  : T extends (...args: never[]) => unknown
    ? never
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : never;

/** One kind of work. What `precheck` hands to `needed` as `before` arrives, typed, in `run` and `rollback`. */
export interface StepDefinition<Params, Before> {
  /** Unique over all steps, for example `file.upload`. */
  readonly kind: string;
  title(params: Params): string;
  readonly uses?: readonly string[];
  /** Ids of the outputs that it fills. */
  writes?(params: Params): readonly string[];
  readonly policy?: StepPolicy;
  /** False where asking again after `run` tells nothing. */
  readonly recheck?: boolean | ((params: Params) => boolean);
  /** True where `run` changes nothing and only waits until the precheck would be satisfied. */
  readonly waits?: boolean;
  /** True where it answers to what steps before it do, such as a restart for files that they wrote. */
  readonly reacts?: boolean;
  precheck(ctx: StepContext, params: Params): Promise<Precheck<Before>>;
  run(ctx: StepContext, params: Params, before: Before): Promise<void>;
  /** Only where what was there before can be put back honestly. */
  rollback?(ctx: StepContext, params: Params, before: Before): Promise<void>;
}

/** What a planner may say differently about one use of a step. */
export interface StepOverrides {
  readonly title?: string;
  /** Replaces the definition's list. */
  readonly uses?: readonly string[];
  /** Laid over the definition's policy, field by field. */
  readonly policy?: StepPolicy;
}

/** Makes a step as data: the params are copied and frozen. */
export interface StepFactory<Params> {
  (params: Params, overrides?: StepOverrides): Step<StepContext>;
  readonly kind: string;
}

/** A step as a saved plan holds it. */
export interface StepData {
  readonly kind: string;
  readonly title: string;
  readonly params: Json;
  readonly uses?: readonly string[];
  readonly writes?: readonly string[];
  readonly policy?: StepPolicy;
}

type AnyDefinition = StepDefinition<unknown, unknown>;

const definitions = new Map<string, AnyDefinition>();

/** Defines a kind of step and registers it, so that a saved plan can be turned back into steps. Throws on a kind that exists. */
export function defineStep<Params extends { readonly [K in keyof Params]: Plain<Params[K]> }, Before = undefined>(
  definition: StepDefinition<Params, Before>,
): StepFactory<Params> {
  const { kind } = definition;
  if (definitions.has(kind)) throw new KubexmError('INTERNAL', `two steps are defined as '${kind}'`);
  // Params and before come back only to the definition that made them, so the table may forget their types.
  definitions.set(kind, definition as unknown as AnyDefinition);
  const factory = (params: Params, overrides: StepOverrides = {}) => {
    const copy = plainCopy(params) as Params;
    const policy = (definition.policy ?? overrides.policy) ? { ...definition.policy, ...overrides.policy } : undefined;
    const uses = overrides.uses ?? definition.uses;
    const writes = definition.writes?.(copy) ?? [];
    return toStep(definition as unknown as AnyDefinition, {
      kind,
      title: overrides.title ?? definition.title(copy),
      params: copy as Json,
      ...(uses && uses.length > 0 ? { uses } : {}),
      ...(writes.length > 0 ? { writes } : {}),
      ...(policy ? { policy } : {}),
    });
  };
  return Object.assign(factory, { kind });
}

/** Turns a step of a saved plan back into a step. Throws where this kubexm does not know the kind. */
export function stepFromData(data: StepData): Step<StepContext> {
  const definition = definitions.get(data.kind);
  if (!definition) {
    throw new KubexmError('GRAPH_INVALID', `this kubexm has no step of the kind '${data.kind}'`, {
      hint: 'plan again with this version of kubexm',
      retryable: false,
    });
  }
  return toStep(definition, { ...data, params: plainCopy(data.params) });
}

/** Nothing to do. */
export function satisfied(because: string): Precheck<never> {
  return { state: 'satisfied', because };
}

/** Something to do; `before` is what was there, handed to `run` and `rollback`. */
export function needed(because: string): Precheck<undefined>;
export function needed<Before>(because: string, before: Before): Precheck<Before>;
export function needed(because: string, before?: unknown): Precheck {
  return { state: 'needed', because, before };
}

function toStep(definition: AnyDefinition, data: StepData): Step<StepContext> {
  const { params } = data;
  const recheck = typeof definition.recheck === 'function' ? definition.recheck(params) : definition.recheck;
  return Object.freeze({
    ...data,
    ...(recheck === undefined ? {} : { recheck }),
    ...(definition.waits === true ? { waits: true } : {}),
    ...(definition.reacts === true ? { reacts: true } : {}),
    precheck: (ctx: StepContext) => definition.precheck(ctx, params),
    run: (ctx: StepContext, before: unknown) => definition.run(ctx, params, before),
    ...(definition.rollback
      ? { rollback: async (ctx: StepContext, before: unknown) => definition.rollback?.(ctx, params, before) }
      : {}),
  });
}
