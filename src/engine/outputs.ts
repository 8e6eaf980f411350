import { KubexmError } from '../errors/index.js';
import type { HostName, Json, Output, Step } from '../plan/index.js';
import type { JobName } from './events.js';

/** Values learned in this run, by output and by the host of the job that wrote them. */
export interface OutputStore {
  read<T extends Json>(job: JobName, output: Output<T>): T;
  write<T extends Json>(
    job: JobName & { readonly step: Pick<Step<never>, 'writes'> },
    output: Output<T>,
    value: T,
  ): void;
  /** Outputs that a step declares and has not written on this host. */
  missing(writes: readonly string[] | undefined, host: HostName): readonly string[];
}

/** An empty store. */
export function createOutputs(): OutputStore {
  const values = new Map<string, Map<HostName, Json>>();
  return {
    read<T extends Json>({ node, host }: JobName, { $output: id }: Output<T>): T {
      const byHost = values.get(id) ?? new Map<HostName, Json>();
      const [only] = byHost.values();
      const value = byHost.get(host) ?? (byHost.size === 1 ? only : undefined);
      // The type was tied to the handle when it was made; write() took nothing else.
      if (value !== undefined) return value as T;
      const reason =
        byHost.size === 0
          ? 'which has not been written'
          : `which has no value on ${host}, but one on each of ${[...byHost.keys()].join(', ')}`;
      throw new KubexmError('OUTPUT_MISSING', `${node} on ${host} reads the output ${id}, ${reason}`, {
        retryable: false,
      });
    },
    write({ node, host, step }, { $output: id }, value) {
      if (step.writes?.includes(id) !== true) {
        throw new KubexmError(
          'OUTPUT_MISSING',
          `${node} on ${host} writes the output ${id} without declaring it in writes`,
          { retryable: false },
        );
      }
      const byHost = values.get(id);
      if (byHost === undefined) values.set(id, new Map([[host, value]]));
      else byHost.set(host, value);
    },
    missing: (writes, host) => writes?.filter((id) => values.get(id)?.has(host) !== true) ?? NONE,
  };
}

const NONE: readonly string[] = Object.freeze([]);
