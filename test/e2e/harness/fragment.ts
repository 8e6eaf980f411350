import { readFile } from 'node:fs/promises';
import { loadCluster } from '../../../src/config/index.js';
import type { EngineEvent } from '../../../src/engine/index.js';
import { createRedactor } from '../../../src/logger/index.js';
import { type ExecutionFragment, seal } from '../../../src/plan/index.js';
import { openRuntime } from '../../../src/runtime/index.js';
import type { StepContext } from '../../../src/step/index.js';
import type { PlanContext } from '../../../src/task/index.js';
import type { ScenarioTools } from './tools.js';

/** Plans a part of an operation for the scenario's cluster.yaml and runs it on the hosts, as kubexm does with whole ones. */
export async function runFragment(
  t: ScenarioTools,
  plan: (ctx: PlanContext) => ExecutionFragment<StepContext>,
): Promise<{ readonly changed: readonly string[]; readonly failed: readonly string[] }> {
  const path = `${t.dir}/cluster.yaml`;
  const { cluster } = loadCluster(await readFile(path, 'utf8'), path);
  if (!cluster) throw new Error(`${path} is broken`);
  const runtime = await openRuntime({
    cluster,
    cwd: t.dir,
    exclusive: true,
    onNotice: t.log,
    redactor: createRedactor(),
    templatesDir: t.templatesDir,
  });
  try {
    const { failures } = await runtime.survey(() => {});
    if (failures.size > 0) throw new Error([...failures.values()].map(({ message }) => message).join('\n'));
    const ctx = runtime.planContext();
    const graph = seal('part', plan(ctx), { hosts: cluster.spec.hosts.map(({ name }) => name) });
    const changed: string[] = [];
    const failed: string[] = [];
    const never = new AbortController().signal;
    await runtime.run(graph, {
      mode: 'apply',
      emit: (event: EngineEvent) => {
        if (event.type !== 'job-finished') return;
        const { outcome, node, host } = event;
        if (outcome.state === 'changed') changed.push(`${host} ${node}`);
        if (outcome.state === 'failed')
          failed.push(`${host} ${node}: ${outcome.error.message} ${outcome.error.details.join(' | ')}`);
      },
      stop: { drain: never, abort: never },
    });
    return { changed, failed };
  } finally {
    await runtime.close();
  }
}
