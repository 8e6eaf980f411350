import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { etcdVoters } from './etcd.js';
import { assertClusterHealthy } from './kube.js';
import type { ScenarioTools } from './tools.js';

/** What `kubexm etcd backup -o json` says of its snapshot. */
export interface BackupResult {
  readonly name: string;
  readonly revision: number;
  readonly size: number;
  readonly keys: number;
  readonly sha256: string;
  readonly host: string;
  readonly path: string;
  readonly localPath: string;
}

export async function backup(t: ScenarioTools, args: readonly string[] = []): Promise<BackupResult> {
  const { stdout } = await t.kubexmOk(['etcd', 'backup', '-o', 'json', ...args]);
  return (JSON.parse(stdout) as { snapshot: BackupResult }).snapshot;
}

/** Runs of etcd on all hosts: the same before and after where nothing was stopped. */
export async function etcdRuns(t: ScenarioTools): Promise<string[]> {
  return Promise.all(t.hostNames.map((host) => t.onHost(host, 'systemctl show -p InvocationID etcd')));
}

/** A namespace with so many ConfigMaps. */
export async function fillNamespace(t: ScenarioTools, name: string, count: number): Promise<void> {
  await t.kubectl(`create namespace ${name}`);
  const items = Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `c${index}`, namespace: name },
    data: { value: createHash('sha256').update(String(index)).digest('hex') },
  }));
  await t.kubectl('apply -f -', { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
}

/** Digest of what a namespace holds; undefined where it is not there. */
export async function namespaceDigest(t: ScenarioTools, name: string): Promise<string> {
  const lines = await t.kubectl([
    'get',
    'configmaps',
    '-n',
    name,
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.data.value}{"\\n"}{end}',
  ]);
  return createHash('sha256').update(lines).digest('hex');
}

/** All hosts are Ready nodes, all pods run, all members vote, and nothing of a restore is left but the old data. */
export async function assertRestored(t: ScenarioTools): Promise<void> {
  await assertClusterHealthy(t, { nodes: t.hostNames, withinMs: 120_000 });
  for (const host of t.hostNames) {
    assert.deepEqual(await etcdVoters(t, host), [...t.hostNames].sort(), `voters that ${host} sees`);
    const left = await t.onHost(
      host,
      'ls -A /var/lib/kubexm/etcd-restore 2>/dev/null; ls -d /var/lib/etcd/restore /var/lib/etcd.restore 2>/dev/null; true',
    );
    assert.equal(left.trim(), '', `left of the restore on ${host}`);
  }
}

/** Directories that hold data which restores moved aside, by host. */
export async function oldData(t: ScenarioTools): Promise<string[][]> {
  const list = 'ls -d /var/lib/etcd/before-restore-* /var/lib/etcd.before-restore-* 2>/dev/null; true';
  return Promise.all(t.hostNames.map(async (host) => (await t.onHost(host, list)).trim().split('\n').filter(Boolean)));
}

/** A snapshot of another Kubernetes cluster, made with a real etcd on a host; its path in the work directory. */
export async function foreignSnapshot(t: ScenarioTools, host: string): Promise<string> {
  const script = `set -e; d=$(mktemp -d); cd "$d"
env -i /usr/local/bin/etcd --data-dir "$d/data" --listen-client-urls http://127.0.0.1:52379 --advertise-client-urls http://127.0.0.1:52379 --listen-peer-urls http://127.0.0.1:52380 >log 2>&1 & pid=$!
trap 'kill $pid; rm -rf "$d"' EXIT
e='/usr/local/bin/etcdctl --endpoints=http://127.0.0.1:52379'
for i in 1 2 3 4 5 6 7 8 9 10; do $e endpoint health >/dev/null 2>&1 && break; sleep 0.5; done
printf 'k8s kube-system $0f0e0d0c-1111-4222-8333-444455556666' | $e put /registry/namespaces/kube-system >/dev/null
printf 'clusterName: elsewhere' | $e put /registry/configmaps/kube-system/kubeadm-config >/dev/null
$e snapshot save foreign.db >/dev/null 2>&1; base64 -w0 foreign.db`;
  const path = join(t.dir, 'foreign.db');
  await writeFile(path, Buffer.from(await t.onHost(host, script), 'base64'));
  return path;
}
