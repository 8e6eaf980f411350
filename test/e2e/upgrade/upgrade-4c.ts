import assert from 'node:assert/strict';
import { ensureMirrored, startLabHost } from '../../../lab/index.js';
import { probeApiAsOne } from '../harness/api-probe.js';
import { apiAddresses, askFromNode, labAddress, loseControlPlane, whoHas } from '../harness/endpoint.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const kinds = [
  { type: 'keepalived', address: labAddress },
  { type: 'kube-vip', address: labAddress },
  { type: 'internal' },
] as const;

export const upgrade4c = scenario({
  id: 'upgrade-4c',
  title:
    'the kind of the endpoint changes on a live cluster: internal, keepalived, kube-vip and back, the API always there',
  hosts: 4,
  timeoutMinutes: 30,
  async run(t) {
    await ensureMirrored([{ component: 'kube-vip', version: 'v0.9.1' }], { log: (line) => t.log(line) });
    const controlPlanes = t.hostNames.slice(0, 3);
    const [worker = ''] = t.hostNames.slice(3);
    const topology = { controlPlanes: 3, etcd: 3, workers: 1 };
    await t.clusterYaml(topology);
    await t.kubexmOk(['cluster', 'create', '--yes']);
    for (const kind of kinds) {
      await t.clusterYaml({ ...topology, overrides: { controlPlaneEndpoint: kind } });
      await changed(t, { kind: kind.type, controlPlanes, worker });
      await assertClusterHealthy(t, { nodes: t.hostNames });
      const addresses = await apiAddresses(t, worker);
      assert.equal(addresses[0], kind.type === 'internal' ? '127.0.0.1' : labAddress);
      const holders = await whoHas(t, controlPlanes);
      assert.equal(
        holders.length,
        kind.type === 'internal' ? 0 : 1,
        `the address is at ${holders.join(', ') || 'no host'}`,
      );
      const again = await t.kubexmOk(['cluster', 'create', '--yes']);
      assert.match(again.stdout, /nothing to change/i);
      if (kind.type !== 'keepalived') continue;
      const [holder = ''] = holders;
      await loseControlPlane(t, { victim: holder, controlPlanes, askers: [worker], address: labAddress });
      await startLabHost(holder);
      await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 180_000 });
    }
  },
});

/** `cluster create` with another kind, under the eyes of a node and of the control machine. */
async function changed(
  t: ScenarioTools,
  {
    kind,
    controlPlanes,
    worker,
  }: { readonly kind: string; readonly controlPlanes: readonly string[]; readonly worker: string },
): Promise<void> {
  const all = await probeApiAsOne(t, { cluster: 'lab', controlPlanes });
  const asking = askFromNode(t, worker, { seconds: 60 });
  const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
  const [seen, machine] = [await asking, await all.stop()];
  t.measure(`to ${kind}`, `${(ms / 1000).toFixed(1)} s`);
  t.measure(
    `to ${kind}, the API by its name from ${worker}`,
    `longest gap ${(seen.longestGapMs / 1000).toFixed(1)} s; ${seen.answered} answered, ${seen.failed} not`,
  );
  t.measure(
    `to ${kind}, the API from this machine`,
    `longest gap ${(machine.gapMs / 1000).toFixed(1)} s; ${machine.failures} not answered`,
  );
  assert.equal(machine.failures, 0, 'requests that no API server answered');
  assert.ok(seen.longestGapMs < 5000, `${worker} did not reach the API for ${seen.longestGapMs} ms`);
}
