import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { addNodesToCluster } from '../../../src/pipeline/index.js';
import { CONTROL_NODE } from '../../../src/plan/index.js';
import { clusterOf, planContext } from '../../../src/task/plan-context.fixture.js';
import { deepMerge } from '../../../src/util/deep-merge.js';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

export const node3 = scenario({
  id: 'node-3',
  title: 'a worker joins a running cluster: only it and one control plane are touched, however many nodes there are',
  hosts: 3,
  core: true,
  async run(t) {
    const [first = '', second = '', third = ''] = t.hostNames;
    await t.clusterYaml({ controlPlanes: 1, workers: 1, use: [first, second] });
    const created = await t.kubexmOk(['cluster', 'create', '--yes']);
    const before = await traces(t, second);
    await t.clusterYaml({ controlPlanes: 1, workers: 2, use: t.hostNames });
    const absent = await t.kubexmOk(['node', 'list', '-o', 'json']);
    assert.equal(listed(absent.stdout).find(({ name }) => name === third)?.state, 'absent');

    const added = await t.kubexmOk(['node', 'add', third, '--yes', '-o', 'json']);
    const { touched } = JSON.parse(added.stdout) as { touched: { hosts: string[]; jobs: number } };
    assert.deepEqual(touched.hosts, [first, third].toSorted());
    await assertClusterHealthy(t, { nodes: t.hostNames });
    assert.equal(await traces(t, second), before, `what changed on ${second}`);
    const { events } = await t.journal({ graph: 'add-nodes' });
    const changed = events.flatMap((event) =>
      event.type === 'job-finished' && event.outcome.state === 'changed' ? [event.host] : [],
    );
    t.measure('create of two', `${(created.ms / 1000).toFixed(1)} s`);
    t.measure('node add', `${(added.ms / 1000).toFixed(1)} s, ${touched.jobs} jobs on ${touched.hosts.join(', ')}`);
    t.measure(
      'changed',
      `${changed.filter((host) => host === third).length} on ${third}, ${changed.filter((host) => host === first).length} on ${first}`,
    );

    const simulated = await Promise.all([3, 300].map((count) => sizeWith(t, count)));
    t.measure('planned beside 2 and beside 299 others', simulated.join(' and '));
    assert.equal(new Set(simulated).size, 1, 'the plan is as large beside few as beside many');

    const nodes = listed((await t.kubexmOk(['node', 'list', '-o', 'json'])).stdout);
    assert.deepEqual(
      nodes.map(({ name, state, drift, certificateDays = 0 }) => [name, state, drift, certificateDays > 300]),
      t.hostNames.map((name) => [name, 'ready', [], true]),
    );
    const again = await t.kubexmOk(['cluster', 'create', '--yes']);
    assert.match(again.stdout, /nothing to change/i);
  },
});

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly drift: readonly string[];
  readonly certificateDays?: number;
}

function listed(stdout: string): readonly Listed[] {
  return (JSON.parse(stdout) as { nodes: Listed[] }).nodes;
}

/** What would differ if anything had been done to a host. */
async function traces(t: ScenarioTools, host: string): Promise<string> {
  return t.onHost(
    host,
    `sha256sum /etc/hosts /var/lib/kubelet/config.yaml /etc/containerd/config.toml
stat -c '%n %Y' /etc/hosts /usr/local/bin/* /var/lib/kubexm/*
systemctl show -p MainPID,NRestarts kubelet containerd`,
  );
}

/** Jobs and hosts of adding the last of so many hosts to the scenario's cluster, which is planned and no more. */
async function sizeWith(t: ScenarioTools, count: number): Promise<string> {
  const hosts = Array.from({ length: count }, (_, index) => ({
    name: `h${index + 1}`,
    address: `10.50.${Math.floor(index / 200)}.${(index % 200) + 1}`,
  }));
  const names = hosts.map(({ name }) => name);
  const [first = ''] = names;
  const last = names.at(-1) ?? '';
  const { parse } = await import('yaml');
  const lab = parse(await readFile(`${t.dir}/cluster.yaml`, 'utf8')) as { spec: object };
  const spec = deepMerge(lab.spec as Record<string, unknown>, {
    hosts,
    roleGroups: { etcd: [first], 'control-plane': [first], worker: names.slice(1) },
    network: { kubePodsCIDR: '10.128.0.0/12', kubeServiceCIDR: '10.96.0.0/16' },
  });
  const cluster = clusterOf(JSON.stringify({ ...lab, spec }));
  const all = planContext(cluster, { facts: { [first]: { leftovers: ['/etc/kubernetes/admin.conf'] } } });
  const facts = new Map([...all.facts].filter(([host]) => host === first || host === last));
  const jobs = addNodesToCluster({ hosts: [last] })
    .plan({ ...all, facts })
    .nodes.flatMap((node) => node.jobs);
  const touched = new Set(jobs.map(({ host }) => host).filter((host) => host !== CONTROL_NODE));
  assert.deepEqual([...touched].toSorted(), [first, last].toSorted());
  return `${jobs.length} jobs on ${touched.size} hosts`;
}
