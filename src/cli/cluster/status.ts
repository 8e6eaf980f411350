import { clusterStatus } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { stdoutStyle } from '../readers.js';
import { withRuntime } from '../session.js';
import { formatStatus } from './status-text.js';

/** `kubexm cluster status`. Works with hosts down: what can be read is shown, and what cannot is a problem. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    const { failures } = await runtime.survey(() => {});
    const seen = await readCluster(runtime, clusterStatus);
    const unreachable = [...failures].map(([host, { message }]) => `${host}: ${message}`);
    const status = {
      ...seen,
      healthy: seen.healthy && failures.size === 0,
      problems: [...unreachable, ...seen.problems],
    };
    if (options.output === 'json') printJson(io, status);
    else print(io, formatStatus(status, stdoutStyle(io)));
    return status.healthy ? 0 : 1;
  });
}
