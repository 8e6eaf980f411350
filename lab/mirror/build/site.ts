import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun } from '../../hosts/command.js';
import { type Component, components } from '../catalogue.js';
import { aptPath, aptRepository } from '../files/apt-repository.js';
import { ownCrictl, packRelease } from '../files/pack.js';
import { releaseFiles } from '../files/releases.js';
import { type Image, images, repositoryOf } from '../images/image-table.js';
import { busyboxRoot, networkRoot, pausePrograms, programLayer, tarRoot } from '../images/layers.js';
import type { Descriptor } from '../images/oci.js';
import { storeImage, storeLayer } from '../images/registry-store.js';
import { machineArchitecture, mirrorCacheDir } from '../locations.js';
import { cachedDirectory, keyOf, removeUnfinished, withLock } from './cache.js';
import { buildComponent, buildDirectory } from './go-build.js';
import { installBuildPackages, requireBuildMachine } from './machine.js';

type Log = (line: string) => void;

/** Raise it when the way of packing changes and the recipes do not. */
const packing = 2;

/** A complete mirror on disk: `files/`, `registry/` and the servers in `bin/` below one directory. Its name holds all that it depends on. */
export async function siteDirectory(): Promise<string> {
  const builds = await Promise.all(components.map(buildDirectory));
  const architecture = machineArchitecture();
  const crictl = ownCrictl();
  const given = crictl && [crictl, (await stat(crictl)).size, (await stat(crictl)).mtimeMs];
  return mirrorCacheDir('sites', keyOf(packing, builds, releaseFiles(architecture), images(), given));
}

/** Makes the mirror unless it is there; a second call does nothing. One process of the machine builds at a time. */
export async function buildSite(log: Log): Promise<string> {
  const site = await siteDirectory();
  if (existsSync(site)) return site;
  await requireBuildMachine();
  const waiting = () => log('another process builds the mirror, waiting for it …');
  return withLock(`mirror-build-${keyOf(mirrorCacheDir())}`, waiting, async () => {
    for (const part of ['builds', 'roots', 'packages', 'sites']) await removeUnfinished(mirrorCacheDir(part));
    await installBuildPackages(log);
    const programs = await buildPrograms(log);
    return cachedDirectory(site, async (temporary) => {
      log('packing the files and images of the mirror …');
      await packServers(programs, join(temporary, 'bin'));
      await packFiles(programs, join(temporary, 'files'), log);
      await packImages(programs, join(temporary, 'registry'), join(temporary, 'work'), log);
      await rm(join(temporary, 'work'), { recursive: true, force: true });
      log('the mirror is complete');
    });
  });
}

/** Where each component's programs are. */
type Programs = (component: Component | 'pause') => string;

async function buildPrograms(log: Log): Promise<Programs> {
  const directories = new Map<Component | 'pause', string>([['pause', await pausePrograms()]]);
  for (const component of components) directories.set(component, await crictlOr(component, log));
  return (component) => directories.get(component) ?? '';
}

async function crictlOr(component: Component, log: Log): Promise<string> {
  const given = component.name === 'crictl' ? ownCrictl() : undefined;
  if (given === undefined) return buildComponent(component, log);
  const { size, mtimeMs } = await stat(given);
  return cachedDirectory(mirrorCacheDir('builds', `crictl-given-${keyOf(given, size, mtimeMs)}`), (directory) =>
    copyFile(given, join(directory, 'crictl')),
  );
}

async function packServers(programs: Programs, directory: string): Promise<void> {
  await mkdir(directory);
  for (const component of components) {
    if (!isServer(component)) continue;
    for (const { name } of component.programs) await link(join(programs(component), name), join(directory, name));
  }
}

function isServer({ name }: Component): boolean {
  return name === 'file-server' || name === 'registry';
}

async function packFiles(programs: Programs, filesDirectory: string, log: Log): Promise<void> {
  for (const file of releaseFiles(machineArchitecture())) {
    await packRelease(file, programs(file.component), filesDirectory);
  }
  const apt = join(filesDirectory, aptPath);
  await mkdir(dirname(apt), { recursive: true });
  await mustRun(['cp', '-al', await aptRepository(log), apt]);
}

async function packImages(programs: Programs, registryDirectory: string, work: string, log: Log): Promise<void> {
  await mkdir(work, { recursive: true });
  const tarFile = join(work, 'layer.tar');
  const storeRoot = async (root: string): Promise<Descriptor> => {
    await tarRoot(root, tarFile);
    return storeLayer(registryDirectory, tarFile);
  };
  const bases: Readonly<Record<Image['base'], readonly Descriptor[]>> = {
    none: [],
    network: [await storeRoot(await networkRoot(log))],
    busybox: [await storeRoot(await busyboxRoot(log))],
  };
  for (const image of images()) {
    const layers = [...bases[image.base]];
    if (image.program) {
      const programFile = join(programs(image.program.from), image.program.name);
      await programLayer({ programFile, path: image.program.path, tarFile }, join(work, 'root'));
      layers.push(await storeLayer(registryDirectory, tarFile));
    }
    const { tag, config } = image;
    const stored = { repository: repositoryOf(image), tag, architecture: machineArchitecture(), config, layers };
    await storeImage(registryDirectory, stored);
  }
}
