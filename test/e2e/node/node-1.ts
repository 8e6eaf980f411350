import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostTraces, tracesLeft } from '../harness/host-traces.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

// Mounts, a rule of the portmap plugin, and files that the kubelet brings.
const manifest = `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: traces, namespace: default }
spec:
  selector: { matchLabels: { app: traces } }
  template:
    metadata: { labels: { app: traces } }
    spec:
      tolerations: [{ operator: Exists }]
      containers:
        - name: web
          image: docker.io/library/busybox:1.36
          command: [sh, -c, 'echo x >/memory/x; echo x >/disk/x; exec httpd -f -p 8080 -h /disk']
          ports: [{ containerPort: 8080, hostPort: 18080 }]
          volumeMounts: [{ name: memory, mountPath: /memory }, { name: disk, mountPath: /disk }]
      volumes:
        - { name: memory, emptyDir: { medium: Memory } }
        - { name: disk, emptyDir: {} }
---
apiVersion: v1
kind: Service
metadata: { name: traces, namespace: default }
spec: { type: NodePort, selector: { app: traces }, ports: [{ port: 80, targetPort: 8080 }] }
`;

export const node1 = scenario({
  id: 'node-1',
  title: 'after delete --wipe-data the hosts are as they were before create, and can be made a cluster again',
  hosts: 2,
  core: true,
  async run(t) {
    const path = await t.clusterYaml({ controlPlanes: 1, workers: 1 });
    const ca = join(t.dir, '.kubexm/lab/certs/kubernetes/ca.crt');
    const before = await hostTraces(t);
    await t.kubexmOk(['cluster', 'create', '--yes']);
    await t.kubectl('apply -f -', { stdin: manifest });
    await t.kubectl('rollout status daemonset/traces --timeout=60s');
    const firstCa = await readFile(ca, 'utf8');

    // Another cluster's config, on the same hosts.
    const yaml = await readFile(path, 'utf8');
    await writeFile(path, yaml.replace(/^( +name: )lab$/m, '$1other'));
    const refused = await t.kubexm(['cluster', 'delete', '--wipe-data', '--yes']);
    assert.equal(refused.exitCode, 4, `another cluster's hosts were not refused\n${refused.stderr}`);
    assert.match(refused.stderr, /belongs to another cluster/);
    await writeFile(path, yaml);
    await assertClusterHealthy(t, { nodes: t.hostNames });

    const { ms } = await t.kubexmOk(['cluster', 'delete', '--wipe-data', '--yes']);
    t.measure('delete', seconds(ms));
    const left = tracesLeft(before, await hostTraces(t));
    assert.equal(left.length, 0, `traces are left:\n${left.slice(0, 60).join('\n')}`);

    const again = await t.kubexmOk(['cluster', 'delete', '--wipe-data', '--yes']);
    t.measure('delete again', seconds(again.ms));
    const end = (await t.journal({ graph: 'delete-cluster' })).events.find((event) => event.type === 'run-finished');
    assert.equal(end?.totals.changed, 0, 'a second deletion found something to change');

    await t.kubexmOk(['cluster', 'create', '--yes']);
    await assertClusterHealthy(t, { nodes: t.hostNames });
    assert.notEqual(await readFile(ca, 'utf8'), firstCa, 'the new cluster has keys of its own');
  },
});
