import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { KubeList } from './kube.js';
import type { ScenarioTools } from './tools.js';

const roleLabel = 'node-role.kubernetes.io/';

/** Fails unless the nodes carry exactly these roles, and only control planes that are no workers are tainted. */
export async function assertRoles(
  t: ScenarioTools,
  {
    controlPlanes,
    workers,
    on = controlPlanes[0] ?? '',
  }: { controlPlanes: readonly string[]; workers: readonly string[]; on?: string },
): Promise<void> {
  const { items } = JSON.parse(await t.kubectl('get nodes -o json', { on })) as KubeList;
  const found = items.map(({ metadata, spec }) => ({
    name: metadata.name,
    roles: Object.keys(metadata.labels ?? {})
      .filter((label) => label.startsWith(roleLabel))
      .map((label) => label.slice(roleLabel.length))
      .sort(),
    // Its own taints a node sheds a moment after it is Ready.
    taints: (spec.taints ?? []).map(({ key }) => key).filter((key) => !key.startsWith('node.kubernetes.io/')),
  }));
  const expected = [...new Set([...controlPlanes, ...workers])].map((name) => {
    const isControlPlane = controlPlanes.includes(name);
    const isWorker = workers.includes(name);
    return {
      name,
      roles: [...(isControlPlane ? ['control-plane'] : []), ...(isWorker ? ['worker'] : [])],
      taints: isControlPlane && !isWorker ? [`${roleLabel}control-plane`] : [],
    };
  });
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  assert.deepEqual(found.sort(byName), expected.sort(byName), 'roles and taints of the nodes');
}

/** MiB of this machine, and so of all lab hosts, that are in use and not only a cache. */
export async function usedMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return Math.round((kib('MemTotal') - kib('MemAvailable')) / 1024);
}
