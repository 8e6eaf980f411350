import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { table } from '../table.js';

interface ListedCluster {
  readonly name: string;
  /** API server of its kubeconfig; absent where it was never finished. */
  readonly server?: string;
  /** Name of the directory of its last run: when it was. */
  readonly lastRun?: string;
}

/** `kubexm cluster list` */
export async function run({ options, io }: Invocation): Promise<void> {
  const clusters = await listClusters(join(io.cwd, '.kubexm'));
  if (options.output === 'json') return printJson(io, clusters);
  if (clusters.length === 0) return note(io, 'There are no clusters in ./.kubexm. Next: kubexm cluster create');
  print(
    io,
    table([
      ['NAME', 'API SERVER', 'LAST RUN'],
      ...clusters.map(({ name, server, lastRun }) => [name, server ?? '-', lastRun ?? '-']),
    ]),
  );
}

/** Directories of hosts stand beside those of clusters; only a cluster's has runs. */
async function listClusters(dir: string): Promise<ListedCluster[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const found = entries
    .filter((entry) => entry.isDirectory())
    .map(async ({ name }): Promise<ListedCluster | undefined> => {
      const runs = await readdir(join(dir, name, 'runs')).catch(() => undefined);
      if (runs === undefined) return undefined;
      const kubeconfig = await readFile(join(dir, name, 'kubeconfig'), 'utf8').catch(() => '');
      const server = /^\s*server:\s*(\S+)/m.exec(kubeconfig)?.[1];
      const lastRun = runs.sort().at(-1);
      return { name, ...(server === undefined ? {} : { server }), ...(lastRun === undefined ? {} : { lastRun }) };
    });
  return (await Promise.all(found))
    .filter((cluster) => cluster !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name));
}
