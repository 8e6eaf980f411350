import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { killNow } from './process-id.js';
import { until } from './until.js';

const root = '/sys/fs/cgroup';

/** The name of a host's own cgroup, in every hierarchy. */
export function cgroupOf(name: string): string {
  return `kubexm-lab-${name}`;
}

/** v2: one hierarchy. v1: one for each controller, hybrid ones included. */
export async function cgroupVersion(): Promise<1 | 2> {
  return (await readdir(root)).includes('cgroup.controllers') ? 2 : 1;
}

/** Ends what still runs in the host's cgroups, wherever an earlier run put them, and removes them. */
export async function removeCgroups(name: string): Promise<void> {
  await removeNamed((entry) => entry === cgroupOf(name));
}

/** Names of hosts that have cgroups, whether anybody remembers them or not. */
export async function hostsWithCgroups(): Promise<readonly string[]> {
  const prefix = cgroupOf('');
  const found = await findCgroups((entry) => entry.startsWith(prefix));
  return [...new Set(found.map((path) => path.slice(path.lastIndexOf(prefix) + prefix.length)))];
}

async function removeNamed(matches: (entry: string) => boolean): Promise<void> {
  await until('cgroups of a lab host to be empty', 10_000, async () => {
    const found = await findCgroups(matches);
    for (const path of found) await removeTree(path);
    return (await findCgroups(matches)).length === 0;
  });
}

async function findCgroups(matches: (entry: string) => boolean, dir = root, depth = 0): Promise<string[]> {
  if (depth > 6) return [];
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async (entry) => {
        const path = join(dir, entry.name);
        return matches(entry.name.replace(/\.scope$/, '')) ? [path] : findCgroups(matches, path, depth + 1);
      }),
  );
  return found.flat();
}

/** Deepest first. A process that was stopped by the freezer dies once it is thawed: SIGKILL does not wait for that on v2. */
async function removeTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(dir, entry.name));
  const processes = await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of processes.split('\n').filter(Boolean)) if (pid !== '0') killNow(Number(pid));
  await rmdir(dir).catch(() => {}); // busy until its processes are gone: the caller comes back
}
