import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aptSettings, debianMirror } from './apt-source.js';
import { mustRun } from './command.js';
import { cacheDir } from './paths.js';
import { recipeKey, rootfsRecipe } from './recipe.js';

/** The cached root filesystem, built on first use (about a minute). Appears under its name only when complete. */
export async function ensureRootfs({ log }: { log(line: string): void }): Promise<string> {
  const target = join(cacheDir(), `rootfs-${recipeKey()}`);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(cacheDir(), { recursive: true });
  const scratch = await mkdtemp(join(cacheDir(), 'rootfs-building-'));
  log(`building the hosts' root filesystem (Debian ${rootfsRecipe.suite}, about a minute, cached)`);
  try {
    const root = join(scratch, 'root');
    const settings = join(scratch, 'apt.conf');
    await writeFile(settings, `${await aptSettings()}Acquire::Languages "none";\n`);
    await mustRun([
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      '--format=directory',
      `--aptopt=${settings}`,
      '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg',
      ...rootfsRecipe.excluded.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      `--include=${rootfsRecipe.packages.join(',')}`,
      rootfsRecipe.suite,
      root,
      await debianMirror(),
    ]);
    await mustRun(['chroot', root, '/bin/sh', '-euc', rootfsRecipe.inside.join('\n')]);
    await rename(root, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}

/** Removes what older recipes and interrupted builds left in the cache. Only while no host runs on it. */
export async function pruneRootfs({ keep }: { keep: string }): Promise<void> {
  for (const entry of await readdir(cacheDir())) {
    const path = join(cacheDir(), entry);
    if (entry.startsWith('rootfs-') && path !== keep) await rm(path, { recursive: true, force: true });
  }
}
