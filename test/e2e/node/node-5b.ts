import assert from 'node:assert/strict';
import { draft } from '../../../src/plan/index.js';
import {
  cordonNode,
  criReady,
  drainNode,
  nodeReady,
  type StepContext,
  startService,
  stopService,
  uncordonNode,
} from '../../../src/step/index.js';
import { onHosts } from '../../../src/task/container-runtime/install.js';
import { criEndpoint, runtimeOf } from '../../../src/task/container-runtime/runtime-hosts.js';
import { uninstallContainerRuntime } from '../../../src/task/container-runtime/uninstall.js';
import type { PlanContext } from '../../../src/task/index.js';
import { osReady } from '../../../src/task/milestones.js';
import { runFragment } from '../harness/fragment.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

const manifest = (atLeast: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: web } } }
      containers:
        - { name: web, image: docker.io/library/busybox:1.36, command: [sleep, infinity] }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web-stays, namespace: default }
spec: { minAvailable: ${atLeast}, selector: { matchLabels: { app: web } } }
`;

export const node5b = scenario({
  id: 'node-5b',
  title:
    'a drain names the budget that stops it; a node loses its runtime without a trace and gets it back; images are pruned',
  hosts: 3,
  needs: 'cluster-3',
  breaks: true,
  async run(t) {
    const [speaker = '', , node = ''] = t.hostNames;
    const apply = (atLeast: number) => t.kubectl('apply -f -', { stdin: manifest(atLeast) });
    await apply(2);
    await t.kubectl('rollout status deployment/web --timeout=120s');

    const drain = (seconds: number) => (_ctx: PlanContext) => {
      const g = draft<StepContext>('drain');
      const cordoned = g.add('cordon', [speaker], cordonNode({ node, operation: 'node-5b' }));
      g.add('drain', [speaker], drainNode({ node, timeoutSeconds: seconds }), { after: cordoned });
      return g.done();
    };
    const stopped = await runFragment(t, drain(8));
    assert.equal(stopped.failed.length, 1);
    assert.match(stopped.failed[0] ?? '', /default\/web-[\w-]+: budget default\/web-stays \(2 healthy pods are needed/);
    t.measure('a drain that a budget stops', stopped.failed[0] ?? '');
    assert.match(await t.kubectl(`get node ${node}`), /SchedulingDisabled/);

    await apply(1);
    const begun = performance.now();
    const drained = await runFragment(t, drain(120));
    assert.deepEqual(drained.failed, []);
    t.measure('drained', `${((performance.now() - begun) / 1000).toFixed(1)} s`);
    // A pod whose containers have ended is drained, and its object goes a moment later.
    await t.eventually('only pods of DaemonSets are left', async () => {
      const { items } = await t.kubectlJson<{ items: { metadata: { ownerReferences?: { kind: string }[] } }[] }>(
        `get pods -A --field-selector=spec.nodeName=${node}`,
      );
      return items.every(({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'DaemonSet');
    });

    const gone = await runFragment(t, (ctx) => {
      const g = draft<StepContext>('remove');
      const kubelet = g.add('stop-kubelet', [node], stopService({ service: 'kubelet.service' }));
      g.include(
        uninstallContainerRuntime({ runtime: runtimeOf(ctx, node), hosts: [node], wipeData: true, tools: false }),
        { after: kubelet },
      );
      return g.done();
    });
    assert.deepEqual(gone.failed, []);
    const trace = await t.onHost(
      node,
      `ps -eo comm= | grep containerd || true
awk '$5 ~ /containerd/ && $5 != "/var/lib/containerd" { print $5 }' /proc/self/mountinfo
find /var/lib/containerd /etc/containerd /run/containerd -mindepth 1 2>/dev/null || true
ls /usr/local/bin | grep -E 'containerd|^ctr$' || true
systemctl list-unit-files --no-legend | grep containerd || true`,
    );
    assert.equal(trace, '', 'what is left of containerd');
    t.measure('containerd gone', `${gone.changed.length} jobs, nothing left`);

    const back = await runFragment(t, (ctx) => {
      const g = draft<StepContext>('back');
      g.provide(osReady, []);
      const installed = g.include(onHosts(ctx, 'install', [node]));
      const answers = g.add('verify', [node], criReady({ endpoint: criEndpoint(ctx, node).socket }), {
        after: installed,
      });
      const started = g.add('start-kubelet', [node], startService({ service: 'kubelet.service' }), { after: answers });
      const ready = g.add('node-ready', [speaker], nodeReady({ node, runtime: 'containerd' }), { after: started });
      g.add('uncordon', [speaker], uncordonNode({ node }), { after: ready });
      return g.done();
    });
    assert.deepEqual(back.failed, []);
    assert.doesNotMatch(await t.kubectl(`get node ${node}`), /SchedulingDisabled/);
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });

    await t.onHost(node, 'crictl pull docker.io/library/busybox:1.36');
    await t.kubectl('delete deployment/web pdb/web-stays --wait=true');
    await t.eventually('no container uses it', async () => !(await t.onHost(node, 'crictl ps -a')).includes('web'));
    const look = await t.kubexmOk(['node', 'prune-images', '--dry-run']);
    assert.match(look.stderr, new RegExp(`${node} +docker.io/library/busybox:1.36 +[\\d.]+ [kMG]B`));
    assert.match(await t.onHost(node, 'crictl images'), /busybox/);
    await t.kubexmOk(['node', 'prune-images', '--yes']);
    const images = await t.onHost(node, 'crictl images');
    assert.doesNotMatch(images, /busybox/);
    assert.match(images, /pause/);
    const again = await t.kubexmOk(['node', 'prune-images', '--yes']);
    assert.match(again.stderr, /Every image is in use/);
    t.measure('pruned', 'busybox; pause stays');
    await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 60_000 });
  },
});
