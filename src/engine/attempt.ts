import { setMaxListeners } from 'node:events';
import { KubexmError } from '../errors/index.js';
import type { EngineEvent } from './events.js';
import type { JobEntry } from './job-table.js';
import type { OutputStore } from './outputs.js';
import type { JobTools } from './types.js';

/** What attempts need of the run that they belong to. */
export interface AttemptSetting<Ctx> {
  readonly outputs: OutputStore;
  createContext(tools: JobTools): Ctx;
  emit(event: EngineEvent): void;
  clock(): number;
}

/** One try at a job: its context, its signal and its clock. Once it is over, whatever the step still does is ignored. */
export class Attempt<Ctx> {
  readonly #job: JobEntry<Ctx>;
  readonly #setting: AttemptSetting<Ctx>;
  #controller: AbortController | undefined;
  #stopped: KubexmError | undefined;
  #over = false;
  #givenUp = false;
  #context: { readonly value: Ctx } | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(job: JobEntry<Ctx>, setting: AttemptSetting<Ctx>) {
    this.#job = job;
    this.#setting = setting;
  }

  /** Calls a part of the step. It fails on time even where the step does not heed its signal. */
  call<T>(part: (context: Ctx) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#job.step.policy ?? {};
    return new Promise<T>((resolve, reject) => {
      if (this.#givenUp) {
        reject(this.#stopped);
        return;
      }
      this.#reject = reject;
      this.#context ??= { value: this.#setting.createContext(this.#tools()) };
      const work = part(this.#context.value);
      if (timeoutMs === undefined) {
        work.then(resolve, reject);
        return;
      }
      const timer = setTimeout(() => {
        const error = new KubexmError(
          'COMMAND_TIMEOUT',
          `${this.#job.step.title} on ${this.#job.host} took longer than ${timeoutMs} ms`,
        );
        this.abort(error);
        reject(error);
      }, timeoutMs);
      work.finally(() => clearTimeout(timer)).then(resolve, reject);
    });
  }

  /** Tells the step to stop. */
  abort(reason: KubexmError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#controller?.abort(reason);
  }

  /** Stops waiting for the step, for good. */
  giveUp(): void {
    this.#givenUp = true;
    this.#reject?.(this.#stopped);
  }

  /** From now on the step is not listened to any more. */
  close(): void {
    this.#over = true;
  }

  #tools(): JobTools {
    const { outputs, emit, clock } = this.#setting;
    const job = this.#job;
    const { node, host } = job;
    const signal = (): AbortSignal => {
      if (this.#controller === undefined) {
        this.#controller = new AbortController();
        // A step may wait for many commands at once, each with several listeners: no leak to be warned of.
        setMaxListeners(Number.POSITIVE_INFINITY, this.#controller.signal);
        if (this.#stopped !== undefined) this.#controller.abort(this.#stopped);
      }
      return this.#controller.signal;
    };
    return {
      node,
      host,
      get signal() {
        return signal();
      },
      progress: (done, total, unit) => {
        if (this.#over) return;
        emit({ type: 'job-progress', at: clock(), node, host, done, unit, ...(total === undefined ? {} : { total }) });
      },
      log: (level, message, data) => {
        if (this.#over) return;
        emit({ type: 'job-log', at: clock(), node, host, level, message, ...(data === undefined ? {} : { data }) });
      },
      read: (output) => outputs.read(job, output),
      write: (output, value) => {
        if (!this.#over) outputs.write(job, output, value);
      },
    };
  }
}
