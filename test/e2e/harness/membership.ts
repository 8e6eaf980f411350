import assert from 'node:assert/strict';
import { etcdctl } from './etcd.js';
import type { ScenarioTools } from './tools.js';

/** `cluster.yaml` with etcd on these hosts; the control planes are workers too, and all other hosts have no role. */
export function etcdYaml(
  t: ScenarioTools,
  { etcd, controlPlanes }: { etcd: readonly string[]; controlPlanes: readonly string[] },
): Promise<string> {
  return t.clusterYaml({ overrides: { roleGroups: { etcd, 'control-plane': controlPlanes, worker: controlPlanes } } });
}

export interface ListedMember {
  /** Hexadecimal. */
  readonly id: string;
  /** Empty: added and never started. */
  readonly name: string;
  readonly peerUrl: string;
  readonly isLearner: boolean;
}

/** The member list as a member on this host sees it. */
export async function listedMembers(t: ScenarioTools, via: string): Promise<readonly ListedMember[]> {
  const lines = (await etcdctl(t, via, 'member list')).trim().split('\n');
  return lines.map((line) => {
    const [id = '', , name = '', peerUrl = '', , isLearner = ''] = line.split(', ');
    return { id, name, peerUrl, isLearner: isLearner === 'true' };
  });
}

/** Fails unless exactly these hosts are members, started, voting and healthy. */
export async function assertVoters(t: ScenarioTools, hosts: readonly string[]): Promise<void> {
  const [via = ''] = hosts;
  const members = await listedMembers(t, via);
  assert.deepEqual(members.map(({ name }) => name).sort(), [...hosts].sort(), `members that ${via} sees`);
  assert.deepEqual(
    members.filter(({ isLearner }) => isLearner),
    [],
    'learners',
  );
  await etcdctl(t, via, 'endpoint health --cluster');
}

/** Fails unless the apiserver that runs on each host was started with the client URLs of exactly these members. */
export async function assertApiserverEndpoints(
  t: ScenarioTools,
  { controlPlanes, members }: { controlPlanes: readonly string[]; members: readonly string[] },
): Promise<void> {
  const wanted = members.map((name) => `https://${t.hosts.find((host) => host.name === name)?.address}:2379`).sort();
  for (const name of controlPlanes) {
    const args = await t.onHost(name, "tr '\\0' '\\n' </proc/$(pgrep -x kube-apiserver)/cmdline");
    const [, urls = ''] = /^--etcd-servers=(.+)$/m.exec(args) ?? [];
    assert.deepEqual(urls.split(',').sort(), wanted, `--etcd-servers of the apiserver on ${name}`);
  }
}

/** Fails unless `cluster create` finds everything as the config says. */
export async function assertNothingToChange(t: ScenarioTools, when: string): Promise<void> {
  const changed = (await changesOfCreate(t)).map(({ node, host }) => `${node} on ${host}`);
  assert.deepEqual(changed, [], `${when}: what cluster create changes`);
}

/** What `cluster create` changes now, on hosts and on this machine. */
export async function changesOfCreate(t: ScenarioTools): Promise<{ readonly node: string; readonly host: string }[]> {
  await t.kubexmOk(['cluster', 'create', '--yes']);
  const { events } = await t.journal({ graph: 'create-cluster' });
  return events.flatMap((event) =>
    event.type === 'job-finished' && event.outcome.state === 'changed' ? [{ node: event.node, host: event.host }] : [],
  );
}
