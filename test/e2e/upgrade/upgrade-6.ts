import assert from 'node:assert/strict';
import type { SpecOverrides } from '../../../lab/index.js';
import { underProbes } from '../harness/api-probe.js';
import { commandLines } from '../harness/control-plane.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { type ScenarioTools, seconds } from '../harness/tools.js';
import { changes } from '../harness/upgrade.js';

export const upgrade6 = scenario({
  id: 'upgrade-6',
  title: 'a changed cluster file reaches all five components while they run, one host at a time; other hands are told',
  hosts: 4,
  timeoutMinutes: 25,
  async run(t) {
    const controlPlanes = t.hostNames.slice(0, 3);
    const write = (kubernetes: SpecOverrides) =>
      t.clusterYaml({ controlPlanes: 3, etcd: 3, workers: 1, overrides: { kubernetes } });
    await write({});
    const created = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('cluster create', seconds(created.ms));
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run with nothing changed');
    t.measure('run again', `${seconds(again.ms)}, ${((again.ms / created.ms) * 100).toFixed(1)} % of the first`);
    const before = await commandLines(t, controlPlanes);

    // What the plan says of it.
    const wanted = {
      featureGates: { ContextualLogging: false },
      apiServer: { extraArgs: { 'audit-log-maxage': '7' } },
      controllerManager: { extraArgs: { 'node-monitor-grace-period': '47s' } },
      scheduler: { extraArgs: { v: '3' } },
      kubelet: { extraConfig: { maxPods: 120 }, extraArgs: { v: '3' } },
      kubeProxy: { extraConfig: { metricsBindAddress: '127.0.0.1:10299' } },
    };
    await write(wanted);
    const plan = await t.kubexm(['cluster', 'plan']);
    const planned = plan.stdout.replaceAll(/\s+/g, ' ');
    for (const difference of [
      /kube-apiserver: [^;]*--audit-log-maxage is new/,
      /kube-controller-manager: [^;]*--node-monitor-grace-period is new/,
      /kube-scheduler: [^;]*--v is new/,
      /maxPods (is new|differs)/,
      /kube-proxy: [^;]*metricsBindAddress (is new|differs)/,
    ])
      assert.match(planned, difference);
    assert.deepEqual(await commandLines(t, controlPlanes), before, 'a plan changes nothing');

    // It reaches every control plane, one after the other, and the API is always there.
    const probes = await underProbes(t, controlPlanes, () => t.kubexmOk(['cluster', 'create', '--yes']));
    t.measure('the change of all', seconds(probes.ms));
    await assertOneAtATime(t, controlPlanes);
    for (const host of controlPlanes) {
      const lines = (await commandLines(t, [host])).get(host) ?? '';
      for (const running of [
        /^\S*kube-apiserver (?=.*--audit-log-maxage=7).*--feature-gates=ContextualLogging=false/m,
        /^\S*kube-controller-manager (?=.*--node-monitor-grace-period=47s).*--feature-gates=ContextualLogging=false/m,
        /^\S*kube-scheduler (?=.*--v=3).*--feature-gates=ContextualLogging=false/m,
      ])
        assert.match(lines, running);
    }
    for (const host of t.hostNames) {
      assert.match(await t.onHost(host, 'pgrep -a -x kubelet'), / --v=3/);
      const configz = JSON.parse(await t.kubectl(`get --raw /api/v1/nodes/${host}/proxy/configz`)) as {
        kubeletconfig: { featureGates: unknown };
      };
      assert.deepEqual(configz.kubeletconfig.featureGates, { ContextualLogging: false }, `the kubelet of ${host}`);
      const proxy = await t.onHost(host, 'curl -fsS http://127.0.0.1:10299/configz');
      assert.match(proxy, /"featureGates":\{"ContextualLogging":false\}/i, `kube-proxy of ${host}`);
    }
    const nodes = await t.kubectl('get nodes -o jsonpath={.items[*].status.capacity.pods}');
    assert.deepEqual(nodes.split(' '), ['120', '120', '120', '120'], 'pods that the nodes take');
    const stored = await t.kubectl('-n kube-system get configmap kubeadm-config -o jsonpath={.data}');
    assert.match(stored, /audit-log-maxage/);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
    const repeated = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('run again', seconds(repeated.ms));
    assert.deepEqual(await changes(t, 'create-cluster'), [], 'a run after the change');
    await otherHands(t);
  },
});

/** What other hands change in units, on nodes, in ConfigMaps and DaemonSets is told all at once, and put right. */
async function otherHands(t: ScenarioTools): Promise<void> {
  const worker = t.hostNames.at(-1) ?? '';
  const [first = '', second = ''] = t.hostNames;
  const dropIn = '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf';
  await t.onHost(
    worker,
    `sed -i 's/ [$]KUBELET_EXTRA_ARGS/& --v=6/' ${dropIn} && systemctl daemon-reload && systemctl restart kubelet`,
  );
  assert.match(await t.onHost(worker, 'pgrep -a -x kubelet'), / --v=6/);
  const manifest = '/etc/kubernetes/manifests/kube-scheduler.yaml';
  await t.onHost(second, `sed 's/--v=3/--v=5/' ${manifest} >/root/changed.yaml && mv /root/changed.yaml ${manifest}`);
  await t.kubectl(`label node ${worker} node-role.kubernetes.io/worker-`);
  await t.kubectl('-n kube-system set env daemonset/kube-proxy WHOSE=another');
  await t.kubectl('-n kube-system rollout status daemonset/kube-proxy --timeout=90s');
  await t.eventually('the other scheduler runs', async () =>
    (await t.onHost(second, 'pgrep -a -x kube-scheduler')).includes('--v=5'),
  );
  await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
  const { stdout, exitCode, ms } = await t.kubexm(['cluster', 'status', '--drift', '-o', 'json']);
  assert.equal(exitCode, 3, stdout);
  t.measure('status --drift', seconds(ms));
  const { drift } = JSON.parse(stdout) as {
    drift: { differences: { host: string; what: string; because: string }[]; problems: string[] };
  };
  assert.deepEqual(drift.problems, []);
  assert.deepEqual(drift.differences.map(({ host, what, because }) => `${host}: ${what}: ${because}`).sort(), [
    `${first}: Bring the ConfigMaps kube-proxy to the cluster file: kube-proxy: its DaemonSet was changed by another hand`,
    `${first}: Label ${t.hostNames.length} nodes: ${worker}: label node-role.kubernetes.io/worker`,
    `${second}: Bring the control plane of ${second} to the cluster file: kube-scheduler: --v differs`,
    `${worker}: Write ${dropIn}: content differs`,
  ]);
  const { ms: right } = await t.kubexmOk(['cluster', 'create', '--yes']);
  t.measure('other hands put right', seconds(right));
  assert.doesNotMatch(await t.onHost(worker, 'pgrep -a -x kubelet'), / --v=6/, 'the kubelet runs with its own unit');
  assert.match(await t.onHost(second, 'pgrep -a -x kube-scheduler'), / --v=3/);
  assert.doesNotMatch(await t.kubectl('-n kube-system get daemonset/kube-proxy -o yaml'), /WHOSE/);
  const same = await t.kubexmOk(['cluster', 'status', '--drift']);
  assert.match(same.stdout, /Drift: none/);
}

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
