import assert from 'node:assert/strict';
import type { PlanJson } from '../../../src/plan/index.js';
import { scenario } from '../harness/scenario.js';

export const create6 = scenario({
  id: 'create-6',
  title: 'what cluster plan shows is what the following create runs, job for job',
  core: true,
  hosts: 2,
  async run(t) {
    await t.clusterYaml({ controlPlanes: 1, workers: 1 });
    const { stdout } = await t.kubexmOk(['cluster', 'plan', '-o', 'json']);
    const planned = JSON.parse(stdout) as PlanJson & { readonly checks?: unknown };
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', `${(ms / 1000).toFixed(1)} s`);
    const { events, plan } = await t.journal({ graph: 'create-cluster' });

    const jobs = planned.nodes.flatMap(({ id, jobs: on }) => on.map(({ host }) => `${id} on ${host}`)).sort();
    const finished = events.flatMap((event) =>
      event.type === 'job-finished' && (event.outcome.state === 'changed' || event.outcome.state === 'satisfied')
        ? [`${event.node} on ${event.host}`]
        : [],
    );
    const started = events.flatMap((event) => (event.type === 'job-started' ? [`${event.node} on ${event.host}`] : []));
    t.measure('jobs', `${jobs.length} planned, ${finished.length} run`);
    assert.ok(jobs.length > 80, `only ${jobs.length} jobs`);
    assert.deepEqual(finished.sort(), jobs, 'jobs that came to their end');
    assert.deepEqual(started.sort(), jobs, 'jobs that began');
    // Titles, params and order as well.
    const { checks: _, ...shown } = planned;
    assert.deepEqual(plan, shown, 'the plan in the directory of the run');

    // The order that was promised was kept: nothing began before what it comes after had ended.
    const at = new Map(
      events.flatMap((event) =>
        event.type === 'job-started' || event.type === 'job-finished'
          ? [[`${event.type} ${event.node} on ${event.host}`, event.at] as const]
          : [],
      ),
    );
    const time = (type: 'job-started' | 'job-finished', node: string, host: string) =>
      at.get(`${type} ${node} on ${host}`) ?? Number.NaN;
    const hostsOf = new Map(planned.nodes.map(({ id, jobs: on }) => [id, on.map(({ host }) => host)]));
    let orders = 0;
    for (const { id, jobs: on, after } of planned.nodes) {
      for (const { host } of on) {
        for (const { node, kind } of after) {
          for (const before of kind === 'sameHost' ? [host] : (hostsOf.get(node) ?? [])) {
            if (!hostsOf.get(node)?.includes(before)) continue;
            orders += 1;
            const [end, start] = [time('job-finished', node, before), time('job-started', id, host)];
            assert.ok(end <= start, `${id} on ${host} began ${end - start} ms before ${node} on ${before} had ended`);
          }
        }
      }
    }
    t.measure('orders kept', String(orders));
  },
});
