import { clusterStatus } from '../../pipeline/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { readCluster } from '../operation.js';
import { stdoutStyle } from '../readers.js';
import { withRuntime } from '../session.js';
import { findDrift, formatDrift, hasNoDrift } from './drift.js';
import { formatStatus } from './status-text.js';

interface StatusOptions extends CommonOptions {
  readonly drift?: boolean;
}

/**
 * `kubexm cluster status`. Works with hosts down: what can be read is shown, and what cannot is a problem. 1 where it is not
 * healthy; 3 where it is, and differs from the cluster file.
 */
export async function run({ options, io }: Invocation<StatusOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    const { failures } = await runtime.survey(() => {});
    const seen = await readCluster(runtime, clusterStatus);
    const style = stdoutStyle(io);
    const unreachable = [...failures].map(([host, { message }]) => `${host}: ${message}`);
    const status = {
      ...seen,
      healthy: seen.healthy && failures.size === 0,
      problems: [...unreachable, ...seen.problems],
    };
    const drift = options.drift === true ? await findDrift(runtime, [...failures.keys()]) : undefined;
    if (options.output === 'json') printJson(io, drift === undefined ? status : { ...status, drift });
    else print(io, [formatStatus(status, style), ...(drift ? [formatDrift(drift, style)] : [])].join('\n\n'));
    if (drift && drift.differences.length > 0)
      note(io, 'Next: kubexm cluster plan; kubexm cluster create puts it right');
    if (!status.healthy) return 1;
    return drift === undefined || hasNoDrift(drift) ? 0 : 3;
  });
}
