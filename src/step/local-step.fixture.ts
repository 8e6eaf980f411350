import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CONTROL_NODE, type Json, type Output, type Precheck, type Step } from '../plan/index.js';
import type { HostRunner } from '../runner/index.js';
import type { StepContext } from './context.js';

/** A step's context on the control node with what the step wrote, logged and reported; tests of local steps read it. */
export interface LocalContext extends StepContext {
  readonly outputs: Map<string, Json>;
  readonly logs: string[];
  readonly progressed: { readonly done: number; readonly total: number | undefined }[];
}

export function localContext({
  host = CONTROL_NODE,
  signal = new AbortController().signal,
}: {
  readonly host?: string;
  readonly signal?: AbortSignal;
} = {}): LocalContext {
  const outputs = new Map<string, Json>();
  const logs: string[] = [];
  const progressed: { done: number; total: number | undefined }[] = [];
  return {
    // Local steps ask a host for its name and nothing else.
    host: { name: host } as HostRunner,
    signal,
    outputs,
    logs,
    progressed,
    progress: (done, total) => void progressed.push({ done, total }),
    log: (level, message) => void logs.push(`${level}: ${message}`),
    read: <T extends Json>({ $output }: Output<T>) => outputs.get($output) as T,
    write: ({ $output }, value) => void outputs.set($output, value),
    secret: () => Promise.reject(new Error('no secrets here')),
    template: () => Promise.reject(new Error('no templates here')),
  };
}

/** Precheck, run where it is needed, precheck again, as the engine does. */
export async function runStep(
  step: Step<StepContext>,
  ctx: LocalContext = localContext(),
): Promise<{ readonly first: Precheck; readonly last: Precheck; readonly ctx: LocalContext }> {
  const first = await step.precheck(ctx);
  if (first.state === 'satisfied') return { first, last: first, ctx };
  await step.run(ctx, first.before);
  return { first, last: await step.precheck(ctx), ctx };
}

/** A directory that goes when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
