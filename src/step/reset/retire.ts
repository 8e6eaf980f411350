import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';

const kind = 'reset.retire';

/** Directories of the control machine: `names` of files and directories in `from` are moved to a new directory in `into`. */
export interface Retire {
  readonly from: string;
  readonly names: readonly string[];
  readonly into: string;
}

/**
 * Moves the keys of a cluster that is gone out of the way, so that the next one of its name gets keys of its own. Nothing is
 * deleted: snapshots of etcd are of use with these keys only.
 */
export const retire = defineStep({
  kind,
  title: ({ into }: Retire) => `Keep certificates and kubeconfig in ${into}`,
  async precheck(ctx, { from, names }) {
    requireControlNode(ctx, kind);
    const found: string[] = [];
    for (const name of names) if (await holdsFiles(join(from, name))) found.push(name);
    return found.length === 0
      ? satisfied('there are none any more')
      : needed(`${found.join(', ')} of the cluster`, found);
  },
  async run(ctx, { from, into }, found) {
    // 20261123T140500Z
    const to = join(into, new Date().toISOString().replaceAll(/[-:]|\.\d+/g, ''));
    await mkdir(to, { recursive: true, mode: 0o700 });
    for (const name of found) await rename(join(from, name), join(to, name));
    ctx.log('info', `${found.join(', ')} moved to ${to}`);
  },
});

/** Work directories are made empty at the begin of each command. */
async function holdsFiles(path: string): Promise<boolean> {
  const found = await unlessMissing(stat(path));
  if (found === undefined || !found.isDirectory()) return found !== undefined;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.some((entry) => !entry.isDirectory());
}
