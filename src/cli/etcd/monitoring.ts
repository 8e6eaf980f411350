import { relative, resolve } from 'node:path';
import { KubexmError } from '../../errors/index.js';
import { monitorEtcd } from '../../pipeline/index.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { withRuntime } from '../session.js';
import { loadManagedEtcd } from './verdict.js';

interface MonitoringOptions extends CommonOptions {
  readonly dir?: string;
  readonly templates?: string;
}

/** `kubexm etcd monitoring [--dir DIR]`. It asks no host. */
export async function run({ options, io }: Invocation<MonitoringOptions>): Promise<void> {
  const cluster = await loadManagedEtcd(options.config, io);
  await withRuntime({ cluster, io, templates: options.templates }, async (runtime) => {
    const dir = resolve(io.cwd, options.dir ?? `${runtime.workDirs.clusterWorkDir}/monitoring/etcd`);
    const never = new AbortController().signal;
    const { jobs } = await runtime.run(monitorEtcd({ dir }).plan(runtime.planContext({ assumeFresh: true })), {
      mode: 'apply',
      emit: () => {},
      stop: { drain: never, abort: never },
    });
    for (const { outcome } of jobs)
      if (outcome.state === 'failed') throw new KubexmError('RUN_FAILED', outcome.error.message, { retryable: false });
    const files = jobs.map(({ node }) => `${dir}/${node.split('/').at(-1) ?? ''}`);
    const changed = files.filter((_, index) => jobs[index]?.outcome.state === 'changed');
    if (options.output === 'json') return printJson(io, { cluster: cluster.metadata.name, dir, files, changed });
    print(io, files.map((file) => relative(io.cwd, file)).join('\n'));
    note(io, changed.length === 0 ? 'All were as they should be.' : `Next: ${relative(io.cwd, dir)}/README.md`);
  });
}
