import type { EngineEvent } from '../../engine/index.js';
import { clusterStatus } from '../../pipeline/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { stdoutStyle } from '../readers.js';
import { withRuntime } from '../session.js';
import { formatStatus } from './status-text.js';
import { statusView } from './status-view.js';

/** `kubexm cluster status`. Works with hosts down: what can be read is shown, and what cannot is a problem. */
export async function run({ options, io }: Invocation): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  return withRuntime({ cluster, io }, async (runtime) => {
    const { failures } = await runtime.survey(() => {});
    const events: EngineEvent[] = [];
    const never = new AbortController().signal;
    await runtime.run(clusterStatus.plan(runtime.planContext()), {
      mode: 'check',
      emit: (event) => events.push(event),
      stop: { drain: never, abort: never },
    });
    const unreachable = new Map([...failures].map(([host, { message }]) => [host, message]));
    const status = statusView(
      { name: cluster.metadata.name, hasEtcd: cluster.spec.etcd.type === 'kubexm' },
      events,
      unreachable,
    );
    if (options.output === 'json') printJson(io, status);
    else print(io, formatStatus(status, stdoutStyle(io)));
    return status.healthy ? 0 : 1;
  });
}
