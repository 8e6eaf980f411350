import assert from 'node:assert/strict';
import { differences, hostStates } from '../harness/host-state.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { runningContainers, runsSince } from './containers.js';

export const node5 = scenario({
  id: 'node-5',
  title: 'a mirror reaches all nodes and is used at once; a setting of containerd goes node by node; no pod notices',
  hosts: 3,
  needs: 'cluster-3',
  breaks: true,
  async run(t) {
    const [first = '', ...workers] = t.hostNames;
    const before = await Promise.all(t.hostNames.map((host) => runningContainers(t, host)));
    const startedBefore = await Promise.all(t.hostNames.map((host) => runsSince(t, host, 'containerd')));
    assert.ok(
      before.every((each) => each.size >= 2),
      'every node runs containers',
    );
    const mirrors = (await t.onHost(first, 'cat /etc/containerd/certs.d/registry.k8s.io/hosts.toml')).match(
      /http:\/\/[\d.:]+/,
    );
    const mirror = mirrors?.[0] ?? '';
    const registry = { mirrors: { 'images.example': [mirror] } };

    const create = async (overrides: object) => {
      await t.clusterYaml({ controlPlanes: 1, workers: 2, overrides: overrides as never });
      const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
      const { events } = await t.journal({ graph: 'create-cluster' });
      const changed = events.flatMap((event) =>
        event.type === 'job-finished' && event.outcome.state === 'changed' ? [`${event.host} ${event.node}`] : [],
      );
      return { ms, changed };
    };

    const mirrored = await create({ registry });
    t.measure('a mirror added', `${(mirrored.ms / 1000).toFixed(1)} s, ${mirrored.changed.length} jobs changed`);
    assert.equal(mirrored.changed.filter((job) => job.endsWith('write-registry-images.example')).length, 3);
    assert.deepEqual(
      mirrored.changed.filter((job) => !job.endsWith('write-registry-images.example')),
      [],
    );
    // Nothing was restarted, and the next pull goes through it.
    for (const host of t.hostNames) {
      await t.onHost(host, 'crictl pull images.example/pause:3.10.1 && crictl rmi images.example/pause:3.10.1 || true');
      await t.onHost(host, 'crictl pull images.example/pause:3.10.1');
    }
    assert.deepEqual(await Promise.all(t.hostNames.map((host) => runsSince(t, host, 'containerd'))), startedBefore);

    const settings = {
      registry,
      kubernetes: { containerRuntime: { containerd: { extraConfig: { metrics: { address: '127.0.0.1:1338' } } } } },
    };
    const set = await create(settings);
    const restarts = set.changed.filter((job) => job.endsWith('/start'));
    const startedAfter = await Promise.all(t.hostNames.map((host) => runsSince(t, host, 'containerd')));
    t.measure('a setting of containerd changed', `${(set.ms / 1000).toFixed(1)} s, ${restarts.length} restarts`);
    assert.equal(restarts.length, 3, restarts.join('\n'));
    assert.ok(startedAfter.every((at, index) => at > (startedBefore[index] ?? 0)));
    // The control plane first, then one worker, then the others.
    const order = t.hostNames.toSorted(
      (a, b) => (startedAfter[t.hostNames.indexOf(a)] ?? 0) - (startedAfter[t.hostNames.indexOf(b)] ?? 0),
    );
    assert.deepEqual(order, [first, ...workers]);
    const after = await Promise.all(t.hostNames.map((host) => runningContainers(t, host)));
    assert.deepEqual(after, before, 'the containers and when they were made');
    t.measure('containers that went on running', String(before.reduce((sum, each) => sum + each.size, 0)));

    const state = await hostStates(t);
    const again = await create(settings);
    assert.deepEqual(again.changed, []);
    assert.deepEqual(differences(state, await hostStates(t)), []);
    t.measure('run again', `${(again.ms / 1000).toFixed(1)} s, nothing changed`);
    await assertClusterHealthy(t, { nodes: t.hostNames });

    const drained = {
      registry,
      kubernetes: {
        containerRuntime: {
          containerd: { drainBeforeRestart: true, extraConfig: { metrics: { address: '127.0.0.1:1339' } } },
        },
      },
    };
    const moved = await create(drained);
    const jobs = (name: string) => moved.changed.filter((job) => job.includes(`/${name}-node`));
    for (const name of ['cordon', 'uncordon'])
      assert.equal(jobs(name).length, 3, `${name}\n${moved.changed.join('\n')}`);
    assert.ok(jobs('drain').length > 0, 'pods moved away from no node');
    assert.doesNotMatch(await t.kubectl('get nodes'), /SchedulingDisabled/);
    t.measure('with drainBeforeRestart', `${(moved.ms / 1000).toFixed(1)} s, ${jobs('drain').length} nodes emptied`);
    assert.deepEqual((await create(drained)).changed, []);
    await assertClusterHealthy(t, { nodes: t.hostNames });
  },
});
