import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabTopology, resetLabHost } from '../../../lab/index.js';
import type { EngineEvent } from '../../../src/engine/index.js';
import { assertClusterHealthy } from './kube.js';
import type { ScenarioTools } from './tools.js';

/** A moment at which kubexm is killed. */
export interface Moment {
  readonly name: string;
  readonly topology: LabTopology;
  /** Of the first run. Asked often, with the events that its journal holds by then and the time since its start. */
  readonly when: (events: readonly EngineEvent[], ms: number) => boolean;
  /** Makes the moment possible; what it returns puts things right when kubexm is dead. */
  readonly prepare?: () => Promise<() => Promise<unknown>>;
}

export interface Resumed {
  /** Of the killed run and of the one after it. */
  readonly ms: readonly [number, number];
  /** Jobs that the second run found done. */
  readonly foundDone: number;
}

/** Whether a job of this node acts now (and has done so for a while). Without a host: any of them. */
export function acting(events: readonly EngineEvent[], node: string, { host = '', forMs = 0 } = {}): boolean {
  const of = (type: EngineEvent['type']) =>
    events.filter(
      (event) =>
        event.type === type && 'node' in event && event.node.endsWith(node) && (host === '' || event.host === host),
    );
  const ended = new Set(of('job-finished').map((event) => ('host' in event ? event.host : '')));
  return of('job-acting').some((event) => 'host' in event && !ended.has(event.host) && Date.now() - event.at >= forMs);
}

/** Whether a node's job on a host has come to its end. */
export function finished(events: readonly EngineEvent[], node: string, host: string): boolean {
  return events.some((event) => event.type === 'job-finished' && event.node.endsWith(node) && event.host === host);
}

/**
 * Fresh hosts; a create that is killed with -9 at the moment; the same create again on the same work directory. Then the
 * cluster is whole, and nothing was done twice that must not be.
 */
export async function killAndRunAgain(t: ScenarioTools, { name, topology, when, prepare }: Moment): Promise<Resumed> {
  await Promise.all(t.hostNames.map((host) => resetLabHost(host)));
  await rm(join(t.dir, '.kubexm'), { recursive: true, force: true });
  await t.clusterYaml(topology);
  const create = ['cluster', 'create', '--yes'];
  const events = async () => (await t.journal({ graph: 'create-cluster' })).events;

  const restore = await prepare?.();
  const begun = performance.now();
  const killed = await t.kubexm(create, {
    killAfter: { when: async () => when(await events(), performance.now() - begun) },
  });
  await restore?.();
  assert.ok(killed.killed, `${name}: the moment did not come; the run ended with ${killed.exitCode}`);
  assert.equal(killed.signal, 'SIGKILL', name);
  const secrets = await secretDigests(t);
  const members = await etcdMembers(t);

  const again = await t.kubexm(create);
  assert.equal(again.exitCode, 0, `${name}: the second create\n${again.stdout}\n${again.stderr}\n(${again.logPath})`);
  const done = (await events()).filter((event) => event.type === 'job-finished' && event.outcome.state === 'satisfied');

  await assertWhole(t, name, topology);
  for (const [path, digest] of secrets)
    assert.equal((await secretDigests(t)).get(path), digest, `${name}: ${path} was made again`);
  for (const [peer, id] of members)
    assert.equal((await etcdMembers(t)).get(peer), id, `${name}: the etcd member ${peer} was made again`);

  const third = await t.kubexm(create);
  assert.equal(third.exitCode, 0, `${name}: the third create\n${third.stdout}\n${third.stderr}`);
  const end = (await events()).find((event) => event.type === 'run-finished');
  assert.equal(end?.totals.changed, 0, `${name}: a third create has still something to change\n${third.stderr}`);
  return { ms: [killed.ms, again.ms], foundDone: done.length };
}

async function assertWhole(t: ScenarioTools, name: string, topology: LabTopology): Promise<void> {
  const [first = ''] = t.hostNames;
  const controlPlanes = t.hostNames.slice(0, topology.controlPlanes ?? 1);
  const workers = t.hostNames.slice(-(topology.workers ?? t.hostNames.length - controlPlanes.length));
  await t.eventually(`${name}: the cluster is healthy`, async () => {
    await assertClusterHealthy(t, { nodes: t.hostNames, on: first });
    return true;
  });
  const withRole = async (role: string) =>
    (await t.kubectl(`get nodes -l node-role.kubernetes.io/${role} -o name`, { on: first }))
      .trim()
      .split('\n')
      .map((line) => line.replace('node/', ''))
      .sort();
  assert.deepEqual(await withRole('control-plane'), controlPlanes, `${name}: nodes with the role control-plane`);
  assert.deepEqual(await withRole('worker'), workers, `${name}: nodes with the role worker`);

  const tokens = await t.kubectl(
    'get secrets -n kube-system --field-selector type=bootstrap.kubernetes.io/token -o name',
    { on: first },
  );
  assert.ok(tokens.trim().split('\n').length <= 1, `${name}: more than one bootstrap token: ${tokens}`);

  const etcdHosts = t.hostNames.slice(0, topology.etcd ?? controlPlanes.length);
  const members = await etcdMembers(t);
  assert.equal(members.size, etcdHosts.length, `${name}: one etcd member for each host of the role`);
  const learners = await t.onHost(first, `${etcdctl} member list | grep -c -v ', started, .*, false$' || true`);
  assert.equal(learners.trim(), '0', `${name}: all members of etcd are started voters`);

  for (const host of t.hostNames) {
    const verb = controlPlanes.includes(host) ? 'init' : 'join';
    assert.equal(await kubeadmRuns(t, host, verb), 1, `${name}: times that kubeadm ${verb} was begun on ${host}`);
    const left = await t.onHost(host, "find /etc /usr/local /opt /var/lib/kubexm -name '.*.kubexm-*'");
    assert.equal(left, '', `${name}: half files left on ${host}`);
  }
}

const pki = '/etc/etcd/pki';
const etcdctl = `etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem --command-timeout=5s`;

/** Ids of the members by their peer URL; empty where etcd does not serve on the first host. */
async function etcdMembers(t: ScenarioTools): Promise<ReadonlyMap<string, string>> {
  const { exitCode, stdout } = await t.hostExec(t.hostNames[0] ?? '', `${etcdctl} member list`);
  if (exitCode !== 0) return new Map();
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(', '))
      .map(([id = '', , , peer = '']) => [peer, id]),
  );
}

/** systemd wrote down every start of the unit that runs kubeadm. */
async function kubeadmRuns(t: ScenarioTools, host: string, verb: 'init' | 'join'): Promise<number> {
  const lines = await t.onHost(host, 'journalctl -q --no-pager -o cat -u kubexm-kubeadm.service');
  return lines
    .split('\n')
    .filter((line) => line.startsWith('Start') && line.includes(`kubeadm ${verb}`) && !line.includes(`${verb} phase`))
    .length;
}

/** CAs, the service-account key and the bootstrap token of the work directory, as far as they are there. */
async function secretDigests({ dir }: ScenarioTools): Promise<ReadonlyMap<string, string>> {
  const certs = join(dir, '.kubexm/lab/certs');
  const names = [
    'etcd/ca.pem',
    'etcd/ca-key.pem',
    'kubernetes/ca.crt',
    'kubernetes/ca.key',
    'kubernetes/front-proxy-ca.crt',
    'kubernetes/sa.key',
    'kubernetes/bootstrap-token',
  ];
  const found = await Promise.all(
    names.map(async (name) => [name, await readFile(join(certs, name), 'utf8').catch(() => '')] as const),
  );
  return new Map(found.filter(([, text]) => text !== ''));
}
