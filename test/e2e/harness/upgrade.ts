import assert from 'node:assert/strict';
import type { LabTopology } from '../../../lab/index.js';
import type { EngineEvent } from '../../../src/engine/index.js';
import { endsWithScenario, type ScenarioTools } from './tools.js';

/** A replicated Service with a budget, spread over the nodes. */
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 5
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: web } } }
      containers:
        - name: web
          image: docker.io/library/busybox:1.36
          command: [sh, -c, "mkdir -p /www; echo here >/www/index.html; exec httpd -f -p 8080 -h /www"]
          readinessProbe: { httpGet: { path: /index.html, port: 8080 }, periodSeconds: 1 }
          lifecycle: { preStop: { exec: { command: [sleep, "3"] } } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web-stays, namespace: default }
spec: { minAvailable: 2, selector: { matchLabels: { app: web } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
`;

/** A node, as far as an upgrade changes it. */
interface NodeItem {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: { readonly nodeInfo: { readonly kubeletVersion: string } };
}

/** Deploys the Service and waits until all its pods are ready. */
export async function deployWeb(t: ScenarioTools): Promise<void> {
  await t.kubectl('apply -f -', { stdin: web });
  await t.kubectl('rollout status deployment/web --timeout=180s');
}

/** Asks the Service from a host five times a second, and looks whether its budget holds, until it is stopped. */
export async function probeWeb(
  t: ScenarioTools,
  host: string,
): Promise<{ stop(): Promise<{ readonly gapMs: number; readonly leastReady: number }> }> {
  const address = (await t.kubectl('get service web -o jsonpath={.spec.clusterIP}')).trim();
  let [stopped, gapMs, last, leastReady] = [false, 0, performance.now(), Number.POSITIVE_INFINITY];
  const asking = (async () => {
    while (!stopped) {
      const ask = `exec 3<>/dev/tcp/${address}/80; printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' >&3; timeout 2 head -n 1 <&3`;
      const { stdout } = await t
        .hostExec(host, `timeout 3 bash -c ${JSON.stringify(ask)}`)
        .catch(() => ({ stdout: '' }));
      if (/ 200 /.test(stdout)) {
        gapMs = Math.max(gapMs, performance.now() - last);
        last = performance.now();
      }
      await t.sleep(200);
    }
    gapMs = Math.max(gapMs, performance.now() - last);
  })();
  const counting = (async () => {
    while (!stopped) {
      const ready = await t
        .kubectl('get deployment web -o jsonpath={.status.readyReplicas}')
        .then((text) => Number(text || 0))
        .catch(() => undefined);
      if (ready !== undefined) leastReady = Math.min(leastReady, ready);
      await t.sleep(500);
    }
  })();
  endsWithScenario(t, Promise.all([asking, counting]), () => {
    stopped = true;
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all([asking, counting]);
      return { gapMs, leastReady };
    },
  };
}

/** Every node runs this version, takes pods, and nobody's cordon is left; the static pods are of the same version. */
export async function assertUpgraded(
  t: ScenarioTools,
  { version, controlPlanes }: { readonly version: string; readonly controlPlanes: readonly string[] },
): Promise<void> {
  const { items } = await t.kubectlJson<{ readonly items: readonly NodeItem[] }>('get nodes');
  const told = items.map(({ metadata, spec, status }) => ({
    name: metadata.name,
    kubelet: status.nodeInfo.kubeletVersion,
    cordoned: spec.unschedulable === true || metadata.annotations?.['kubexm.io/cordoned-by'] !== undefined,
  }));
  assert.deepEqual(
    told,
    told.map(({ name }) => ({ name, kubelet: version, cordoned: false })),
    'the nodes',
  );
  for (const host of controlPlanes) {
    const images = await t.onHost(host, "grep -ohE 'kube-[a-z-]+:v[^ ]+' /etc/kubernetes/manifests/kube-*.yaml");
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
      assert.match(images, new RegExp(`${name}:${version.replaceAll('.', '\\.')}$`, 'm'), `${host}: ${name}`);
    assert.match(await t.onHost(host, '/usr/local/bin/kubectl version --client'), new RegExp(version), host);
  }
  const proxy = await t.kubectl('-n kube-system get daemonset/kube-proxy -o jsonpath={..image}');
  assert.match(proxy, new RegExp(`kube-proxy:${version}$`), 'kube-proxy');
}

/** Neither the upgrade nor a create with the new version in its config has anything left to do. */
export async function assertSettled(
  t: ScenarioTools,
  { version, topology }: { readonly version: string; readonly topology: LabTopology },
): Promise<void> {
  const again = await t.kubexmOk(['cluster', 'upgrade', '--to', version, '--yes']);
  assert.deepEqual(await changes(t, 'upgrade-cluster'), [], 'a second upgrade');
  assert.match(again.stdout, /nothing to change/i);
  await t.clusterYaml({ ...topology, versions: { ...topology.versions, kubernetes: version } });
  await t.kubexmOk(['cluster', 'create', '--yes']);
  assert.deepEqual(await changes(t, 'create-cluster'), [], 'cluster create after the upgrade');
}

/** What the newest run of a pipeline changed. */
export async function changes(t: ScenarioTools, graph: string): Promise<readonly string[]> {
  const { events } = await t.journal({ graph });
  return events.flatMap((event: EngineEvent) =>
    event.type === 'job-finished' && event.outcome.state === 'changed'
      ? [`${event.host} ${event.node}: ${event.outcome.because}`]
      : [],
  );
}
