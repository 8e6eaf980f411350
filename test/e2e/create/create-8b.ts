import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acting } from '../harness/killed.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const create = ['cluster', 'create', '--yes'];
const journal = async (t: ScenarioTools) => (await t.journal({ graph: 'create-cluster' })).events;

export const create8b = scenario({
  id: 'create-8b',
  title: 'a second run is refused; Ctrl-C lets running steps finish, twice aborts them; the next run ends the work',
  hosts: 2,
  async run(t) {
    await t.clusterYaml({ controlPlanes: 1, workers: 1 });

    const first = t.kubexm(create);
    await t.eventually('the first run works on the hosts', async () => acting(await journal(t), '/upload-kubelet'));
    const pid = await lockHolder(t);
    const refused = await t.kubexm(create);
    assert.equal(refused.exitCode, 4, refused.stderr);
    assert.match(
      refused.stderr,
      new RegExp(`another kubexm is at work on this cluster: pid ${pid} of \\w+ on \\S+, since`),
    );
    assert.ok(refused.ms < 3000, `refused after ${refused.ms.toFixed(0)} ms`);

    const drainedAt = Date.now();
    process.kill(pid, 'SIGINT');
    const drained = await first;
    assert.equal(drained.exitCode, 130, drained.stderr);
    const events = await journal(t);
    const late = events.filter((event) => event.type === 'job-acting' && event.at > drainedAt + 500);
    assert.deepEqual(late, [], 'work that began after Ctrl-C');
    assert.equal(events.at(-1)?.type, 'run-finished');
    const failed = events.filter((event) => event.type === 'job-finished' && event.outcome.state === 'failed');
    assert.deepEqual(failed, [], 'steps that Ctrl-C made fail');
    t.measure('Ctrl-C until the end', `${((Date.now() - drainedAt) / 1000).toFixed(1)} s`);

    const second = t.kubexm(create);
    await t.eventually('kubeadm init is at work', async () =>
      acting(await journal(t), '/kubeadm-init', { forMs: 1500 }),
    );
    const abortedAt = Date.now();
    process.kill(await lockHolder(t), 'SIGINT');
    await t.sleep(300);
    process.kill(await lockHolder(t), 'SIGINT');
    const aborted = await second;
    assert.equal(aborted.exitCode, 130, aborted.stderr);
    const took = Date.now() - abortedAt;
    assert.ok(took < 5000, `aborted after ${took} ms`);
    t.measure('Ctrl-C twice until the end', `${(took / 1000).toFixed(1)} s`);

    await t.kubexmOk(create);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
  },
});

async function lockHolder({ dir }: ScenarioTools): Promise<number> {
  return (JSON.parse(await readFile(join(dir, '.kubexm/lab/run.lock'), 'utf8')) as { pid: number }).pid;
}
