import assert from 'node:assert/strict';
import type { KubeList } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';

// Every pod answers with the name of its node.
const manifest = `
apiVersion: v1
kind: Namespace
metadata: { name: e2e-web }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: web, namespace: e2e-web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{ operator: Exists }]
      containers:
        - name: web
          image: docker.io/library/busybox:1.36
          command: [sh, -c, 'mkdir /www && echo "$NODE" >/www/index.html && exec httpd -f -p 8080 -h /www']
          env: [{ name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
          readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: e2e-web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`;

export const create7 = scenario({
  id: 'create-7',
  title: 'a DaemonSet answers behind a Service, by DNS name, from a pod on every node',
  core: true,
  hosts: 3,
  needs: 'cluster-3',
  async run(t) {
    t.cleanup(() => t.kubectl('delete namespace e2e-web --wait=false'));
    const begun = performance.now();
    await t.kubectl('apply -f -', { stdin: manifest });
    await t.kubectl('-n e2e-web rollout status daemonset/web --timeout=90s');
    const readyMs = performance.now() - begun;
    t.measure('DaemonSet ready on all nodes', `${(readyMs / 1000).toFixed(1)} s`);
    // A small image from a mirror nearby: what takes longer than this is worth a look.
    if (readyMs > 20_000) t.log(await t.kubectl('-n e2e-web get events --sort-by=.metadata.creationTimestamp'));

    const { items: pods } = await t.kubectlJson<KubeList>('-n e2e-web get pods');
    const nodes = pods.map(({ spec }) => spec.nodeName ?? '').sort();
    assert.deepEqual(nodes, [...t.hostNames].sort(), 'nodes with a pod');

    // Whole name and short name, often enough that every backend has its turn. A kube-proxy hears of the last pod a moment later.
    const ask =
      'for i in $(seq 1 30); do wget -q -T 5 -O - http://web.e2e-web.svc.cluster.local || echo failed; done; wget -q -T 5 -O - http://web || echo failed';
    const asked = performance.now();
    for (const { metadata, spec } of pods) {
      await t.eventually(
        `all nodes answer a pod on ${spec.nodeName}`,
        async () => {
          const output = await t.kubectl(['-n', 'e2e-web', 'exec', metadata.name, '--', 'sh', '-c', ask]);
          const answers = output.trim().split('\n');
          assert.equal(answers.length, 31);
          assert.deepEqual([...new Set(answers)].sort(), nodes, `who answers a pod on ${spec.nodeName}`);
          return true;
        },
        { timeoutMs: 15_000 },
      );
    }
    t.measure(
      'answers over the Service',
      `${pods.length * 31} in ${((performance.now() - asked) / 1000).toFixed(1)} s`,
    );
  },
});
