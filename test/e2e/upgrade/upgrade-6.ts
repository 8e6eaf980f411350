import assert from 'node:assert/strict';
import type { SpecOverrides } from '../../../lab/index.js';
import { underProbes } from '../harness/api-probe.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';
import { changes } from '../harness/upgrade.js';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

export const upgrade6 = scenario({
  id: 'upgrade-6',
  title: 'a changed cluster file reaches a running control plane, one host at a time; what cannot run is put back',
  hosts: 4,
  timeoutMinutes: 25,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const [first = '', ...others] = controlPlanes;
    const write = (kubernetes: SpecOverrides) =>
      t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 1, overrides: { kubernetes } });
    await write({});
    const created = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', seconds(created.ms));
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run with nothing changed');
    t.measure('run again', `${seconds(again.ms)}, ${((again.ms / created.ms) * 100).toFixed(1)} % of the first`);
    const before = await commandLines(t, controlPlanes);

    // What no apiserver knows stops at the first, which is put back.
    await write({ apiServer: { extraArgs: { 'no-such-flag': 'x' } } });
    const broken = await underProbes(t, controlPlanes, () => t.kubexm(['cluster', 'create', '--yes']));
    t.measure('a flag that does not exist: until it was put back', seconds(broken.ms));
    assert.notEqual(broken.exitCode, 0);
    const said = `${broken.stdout}${broken.stderr}`.replaceAll(/\s+/g, ' ');
    assert.match(said, /kube-apiserver does not come up .*the old manifest was put back and serves/);
    assert.match(said, /unknown flag: --no-such-flag/);
    assert.deepEqual(await commandLines(t, controlPlanes), before, 'the static pods of all');
    for (const host of others)
      assert.doesNotMatch(await t.onHost(host, 'cat /etc/kubernetes/manifests/*'), /no-such-flag/);
    assert.doesNotMatch(await t.kubectl('-n kube-system get configmap kubeadm-config -o yaml'), /no-such-flag/);

    // The same of a kubelet.
    await write({ kubelet: { extraConfig: { evictionHard: { 'no.such.signal': '1' } } } });
    const kubelet = await t.kubexm(['cluster', 'create', '--yes']);
    t.measure('a kubelet that cannot start: until it was put back', seconds(kubelet.ms));
    assert.notEqual(kubelet.exitCode, 0);
    assert.match(
      `${kubelet.stdout}${kubelet.stderr}`.replaceAll(/\s+/g, ' '),
      /the kubelet does not come up with its new configuration; the old one was put back and works/,
    );
    for (const host of t.hostNames)
      assert.doesNotMatch(await t.onHost(host, 'cat /var/lib/kubelet/config.yaml'), /no\.such\.signal/, host);
    assert.equal(await t.onHost(first, 'systemctl is-active kubelet'), 'active\n');
    assert.doesNotMatch(await t.kubectl('-n kube-system get configmap kubelet-config -o yaml'), /no\.such\.signal/);

    await write({});
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run with the file corrected');

    // What the plan says of it.
    const wanted = {
      apiServer: { extraArgs: { 'audit-log-maxage': '7' } },
      scheduler: { extraArgs: { v: '3' } },
      kubelet: { extraConfig: { maxPods: 120 } },
      kubeProxy: { extraConfig: { metricsBindAddress: '127.0.0.1:10249' } },
    };
    await write(wanted);
    const plan = await t.kubexm(['cluster', 'plan']);
    const planned = plan.stdout.replaceAll(/\s+/g, ' ');
    assert.match(planned, /kube-apiserver: --audit-log-maxage is new; kube-scheduler: --v is new/);
    assert.deepEqual(await commandLines(t, controlPlanes), before, 'a plan changes nothing');

    // It reaches every control plane, one after the other, and the API is always there.
    const probes = await underProbes(t, controlPlanes, () => t.kubexmOk(['cluster', 'create', '--yes']));
    t.measure('the change of all', seconds(probes.ms));
    await assertOneAtATime(t, controlPlanes);
    for (const host of controlPlanes) {
      const lines = (await commandLines(t, [host])).get(host) ?? '';
      assert.match(lines, /kube-apiserver .*--audit-log-maxage=7/);
      assert.match(lines, /kube-scheduler .*--v=3/);
    }
    const nodes = await t.kubectl('get nodes -o jsonpath={.items[*].status.capacity.pods}');
    assert.deepEqual(nodes.split(' '), ['120', '120', '120', '120'], 'pods that the nodes take');
    const proxy = await t.kubectl('-n kube-system get configmap kube-proxy -o jsonpath={.data}');
    assert.match(proxy, /metricsBindAddress: 127\.0\.0\.1:10249/);
    const stored = await t.kubectl('-n kube-system get configmap kubeadm-config -o jsonpath={.data}');
    assert.match(stored, /audit-log-maxage/);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
    const repeated = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('run again', seconds(repeated.ms));
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run after the change');
  },
});

/** The static pods of the newest run were changed in order, and never two at a time. */
async function assertOneAtATime(t: ScenarioTools, controlPlanes: readonly string[]): Promise<void> {
  const { events } = await t.journal({ graph: 'create-cluster' });
  const order = events.flatMap((event) => {
    if ((event.type !== 'job-acting' && event.type !== 'job-finished') || !/\/static-pods-/.test(event.node)) return [];
    return [`${event.host} ${event.type === 'job-acting' ? 'begins' : 'ends'}`];
  });
  assert.deepEqual(
    order,
    controlPlanes.flatMap((host) => [`${host} begins`, `${host} ends`]),
  );
}

/** What each host's static pods run as. */
async function commandLines(t: ScenarioTools, hosts: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const lines = hosts.map(async (host) => {
    const script = components.map((name) => `pgrep -a -x ${name.slice(0, 15)} | cut -d' ' -f2-`).join('; ');
    return [host, await t.onHost(host, script)] as const;
  });
  return new Map(await Promise.all(lines));
}
