import assert from 'node:assert/strict';
import { differences, hostStates } from '../harness/host-state.js';
import { scenario } from '../harness/scenario.js';

export const create2 = scenario({
  id: 'create-2',
  title: 'a second create changes nothing, says so, and takes less than a tenth of the time',
  core: true,
  hosts: 3,
  needs: 'cluster-3',
  async run(t) {
    const first = t.created?.ms ?? 0;
    const before = await hostStates(t);
    const { stdout, ms: second } = await t.kubexmOk(['cluster', 'create', '--yes']);
    // Both change nothing; the shorter one is nearer to what it costs, on a machine that has other work.
    const { ms: third } = await t.kubexmOk(['cluster', 'create', '--yes']);
    const ms = Math.min(second, third);
    const after = await hostStates(t);

    const { events } = await t.journal({ graph: 'create-cluster' });
    const end = events.find((event) => event.type === 'run-finished');
    const changed = events.flatMap((event) =>
      event.type === 'job-finished' && event.outcome.state === 'changed'
        ? [`${event.host} ${event.node}: ${event.outcome.because}`]
        : [],
    );
    const looked = [...before.values()].reduce((sum, state) => sum + state.size, 0);
    t.measure('first run', `${(first / 1000).toFixed(1)} s`);
    t.measure('run again', `${(ms / 1000).toFixed(1)} s, ${((ms / first) * 100).toFixed(1)} % of the first`);
    t.measure('jobs of the last run', `${end?.totals.jobs ?? 0}, ${changed.length} changed`);
    t.measure('files, services, containers compared', String(looked));

    assert.deepEqual(changed, [], 'jobs that changed something');
    assert.equal(end?.totals.changed, 0);
    assert.ok(
      looked > 300 &&
        [...before.values()].every((state) => [...state.keys()].some((key) => key.startsWith('container '))),
      `only ${looked} things were compared`,
    );
    assert.deepEqual(differences(before, after), [], 'differences on the hosts');
    assert.match(stdout, /nothing to change/i);
    assert.ok(ms < first / 10, `the second run took ${ms.toFixed(0)} ms, the first ${first.toFixed(0)} ms`);
  },
});
