import { clusterStatus } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { stdoutStyle } from '../readers.js';
import { loadConfig } from './load.js';
import { gatherFacts, withRuntime } from './session.js';
import { formatStatus } from './status-text.js';

/** `kubexm cluster status` */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    await gatherFacts(runtime, io);
    const status = await clusterStatus(runtime);
    if (options.output === 'json') printJson(io, status);
    else print(io, formatStatus(status, stdoutStyle(io)));
    return status.healthy ? 0 : 1;
  });
}
