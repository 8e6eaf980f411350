import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import type { OperationOptions } from '../operation.js';
import { runCluster } from './execute.js';

interface CreateOptions extends OperationOptions {
  readonly prune?: boolean;
}

/** `kubexm cluster create` */
export async function run({ options, io }: Invocation<CreateOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return (await runCluster({ cluster, options, io, prune: options.prune === true })).exitCode;
}
