import type { Json, Precheck, Step } from '../plan/index.js';
import { type FakeHost, type FakeHostOptions, fakeHost } from '../runner/index.js';
import { Secret } from '../secrets/index.js';
import type { StepContext } from './context.js';

interface HostSetting extends FakeHostOptions {
  readonly templates?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, Json>>;
  readonly signal?: AbortSignal;
}

export interface HostTrial {
  readonly host: FakeHost;
  readonly ctx: StepContext;
  /** `level: message` */
  readonly logs: string[];
  readonly outputs: Map<string, Json>;
  readonly progress: number[];
  readonly precheck: (step: Step<StepContext>) => Promise<Precheck>;
  /** As the engine does it: look, act where needed, look again. */
  readonly play: (
    step: Step<StepContext>,
  ) => Promise<{ readonly first: Precheck; readonly again: Precheck | undefined }>;
  /** Acts where needed, then undoes it. */
  readonly playAndUndo: (step: Step<StepContext>) => Promise<void>;
}

/** A fake host and a context on it, for trying steps. */
export function hostTrial(setting: HostSetting = {}): HostTrial {
  const host = fakeHost(setting);
  const logs: string[] = [];
  const progress: number[] = [];
  const outputs = new Map(Object.entries(setting.outputs ?? {}));
  const ctx: StepContext = {
    host,
    signal: setting.signal ?? new AbortController().signal,
    progress: (done) => void progress.push(done),
    log: (level, message) => void logs.push(`${level}: ${message}`),
    read: ({ $output }) => known(outputs, $output) as never,
    write: ({ $output }, value) => void outputs.set($output, value),
    secret: async ({ $secret }) => new Secret(known(new Map(Object.entries(setting.secrets ?? {})), $secret)),
    template: async (name) => known(new Map(Object.entries(setting.templates ?? {})), name),
  };
  return {
    host,
    ctx,
    logs,
    outputs,
    progress,
    precheck: (step) => step.precheck(ctx),
    async play(step) {
      const first = await step.precheck(ctx);
      if (first.state === 'satisfied') return { first, again: undefined };
      await step.run(ctx, first.before);
      return { first, again: step.recheck === false ? undefined : await step.precheck(ctx) };
    },
    async playAndUndo(step) {
      const first = await step.precheck(ctx);
      if (first.state === 'satisfied') throw new Error('nothing to undo');
      if (!step.rollback) throw new Error(`${step.kind} cannot be undone`);
      await step.run(ctx, first.before);
      await step.rollback(ctx, first.before);
    },
  };
}

function known<T>(values: ReadonlyMap<string, T>, name: string): T {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the test gives no ${name}`);
  return value;
}
