import assert from 'node:assert/strict';
import { killLabHost } from '../../../lab/index.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { assertApiserverEndpoints, assertNothingToChange, assertVoters } from '../harness/membership.js';
import { scenario } from '../harness/scenario.js';

const web = (node: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: { kubernetes.io/hostname: ${node} }
      containers:
        - { name: web, image: docker.io/library/busybox:1.36, command: [sleep, infinity] }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web-stays, namespace: default }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
`;

export const node4 = scenario({
  id: 'node-4',
  title:
    'the first control plane of three leaves and comes back; a budget stops a drain, which leaves all as it was; a dead worker goes',
  hosts: 4,
  async run(t) {
    const [first = '', second = '', third = '', worker = ''] = t.hostNames;
    const all = { etcd: [first, second, third], 'control-plane': [first, second, third], worker: [worker] };
    const yaml = (roleGroups: typeof all) => t.clusterYaml({ overrides: { roleGroups } });
    await yaml(all);
    await t.kubexmOk(['cluster', 'create', '--yes']);

    await t.kubectl('apply -f -', { stdin: web(worker) });
    await t.kubectl('rollout status deployment/web --timeout=120s');
    const node = () =>
      t.kubectl(['get', 'node', worker, '-o', 'jsonpath={.spec.unschedulable}{.metadata.annotations}']);
    const found = await node();
    for (const verb of ['drain', 'delete']) {
      const stopped = await t.kubexm(['node', verb, worker, '--timeout', '5', '--yes']);
      assert.equal(stopped.exitCode === 1 || stopped.exitCode === 3, true, `${verb}: ${stopped.exitCode}`);
      assert.match(stopped.stderr, /default\/web-[\w-]+: budget default\/web-stays \(1 healthy pods are needed/);
      assert.equal(await node(), found, `the node after a ${verb} that did not come to its end`);
      t.measure(`${verb} stopped by a budget`, `exit code ${stopped.exitCode} in ${(stopped.ms / 1000).toFixed(1)} s`);
    }
    await t.kubectl('delete deployment/web pdb/web-stays --wait=true');
    await t.kubexmOk(['node', 'drain', worker, '--yes']);
    assert.match(await t.kubectl(`get node ${worker}`), /SchedulingDisabled/);
    await t.kubexmOk(['node', 'uncordon', worker]);
    assert.doesNotMatch(await t.kubectl(`get node ${worker}`), /SchedulingDisabled/);

    const gone = await t.kubexmOk(['node', 'delete', first, '--yes']);
    t.measure('the first control plane deleted', `${(gone.ms / 1000).toFixed(1)} s`);
    assert.match(gone.stderr, /Take \S+ out of the config/);
    const rest = { etcd: [second, third], 'control-plane': [second, third], worker: [worker] };
    await yaml(rest);
    await assertVoters(t, [second, third]);
    await assertApiserverEndpoints(t, { controlPlanes: [second, third], members: [second, third] });
    await assertClusterHealthy(t, { nodes: [second, third, worker], on: second, withinMs: 60_000 });
    const address = t.hosts[0]?.address ?? '';
    for (const host of [second, third, worker])
      assert.equal(
        (await t.onHost(host, `grep -c '^${address} ' /etc/hosts || true`)).trim(),
        '0',
        `/etc/hosts of ${host}`,
      );
    const left = await t.onHost(
      first,
      // Where it is a mount point the directory itself stays.
      'ls -d /etc/kubernetes /var/lib/kubelet/* /etc/etcd /usr/local/bin/kube* 2>/dev/null || true',
    );
    assert.equal(left, '', `what is left on ${first}`);
    const kubeconfig = (await t.kubexmOk(['cluster', 'kubeconfig'])).stdout;
    assert.ok(!kubeconfig.includes(address), 'the kubeconfig names a control plane that stays');
    await assertNothingToChange(t, 'without the first control plane');

    const last = await t.kubexm(['node', 'delete', second, third, '--yes']);
    assert.equal(last.exitCode, 4, last.stderr);
    assert.match(last.stderr, /no control plane would be left/);

    await yaml(all);
    const back = await t.kubexmOk(['node', 'add', first, '--yes']);
    t.measure('it comes back', `${(back.ms / 1000).toFixed(1)} s`);
    await assertVoters(t, [first, second, third]);
    // It serves; a kubelet may take two minutes until the API shows a static pod of which the manifest changed as Running.
    await assertClusterHealthy(t, { nodes: t.hostNames, on: second, withinMs: 180_000 });
    await assertNothingToChange(t, 'with all of them');

    await killLabHost(worker);
    const dead = await t.kubexmOk(['node', 'delete', worker, '--yes']);
    assert.match(dead.stderr, /does not answer, and is not cleaned/);
    assert.doesNotMatch(await t.kubectl('get nodes', { on: second }), new RegExp(worker));
    t.measure('a dead worker deleted', `${(dead.ms / 1000).toFixed(1)} s`);
  },
});
