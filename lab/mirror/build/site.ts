import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun } from '../../hosts/command.js';
import { components } from '../catalogue.js';
import { aptPath, aptRepository, aptRepositoryKey } from '../files/apt-repository.js';
import { ownCrictl, packRelease } from '../files/pack.js';
import { releaseFiles } from '../files/releases.js';
import { type Base, type Image, images, imagesOf, repositoryOf } from '../images/image-table.js';
import { pauseDirectory, pausePrograms, programLayer, rootOf, tarRoot } from '../images/layers.js';
import type { Descriptor } from '../images/oci.js';
import { storeImage, storeLayer } from '../images/registry-store.js';
import { machineArchitecture, mirrorCacheDir } from '../locations.js';
import { cachedDirectory, keyOf, removeUnfinished, withLock, withScratch } from './cache.js';
import type { Component } from './components.js';
import { buildComponent, buildDirectory } from './go-build.js';
import { installBuildPackages, requireBuildMachine } from './machine.js';

type Log = (line: string) => void;

/** Raise it when the way of packing changes and the recipes do not. */
const packing = 2;

/**
 * A complete mirror on disk: `files/`, `registry/` and the servers in `bin/` below one directory. Its name holds all that it depends on. What
 * extendSite adds later lies among the rest and has a mark in `added/`.
 */
export async function siteDirectory(): Promise<string> {
  const builds = await Promise.all(components.map(buildDirectory));
  const architecture = machineArchitecture();
  const crictl = ownCrictl();
  const given = crictl && [crictl, (await stat(crictl)).size, (await stat(crictl)).mtimeMs];
  const published = [releaseFiles(architecture), images(), aptRepositoryKey()];
  return mirrorCacheDir('sites', keyOf(packing, builds, await pauseDirectory(), published, given));
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
    const programs = await buildPrograms(components, log);
    return cachedDirectory(site, async (temporary) => {
      log('packing the files and images of the mirror …');
      await packServers(programs, join(temporary, 'bin'));
      await packFiles(components, programs, join(temporary, 'files'));
      await packDebian(join(temporary, 'files'), log);
      await packImages(images(), programs, {
        registryDirectory: join(temporary, 'registry'),
        work: join(temporary, 'work'),
        log,
      });
      await rm(join(temporary, 'work'), { recursive: true, force: true });
      log('the mirror is complete');
    });
  });
}

/**
 * Adds components to a complete mirror; those it has already cost nothing. Servers that run on it serve them at once: they read from the directory,
 * and what was there is not touched.
 */
export async function extendSite(site: string, added: readonly Component[], log: Log): Promise<void> {
  for (const component of added) {
    const mark = join(site, 'added', await partName(component));
    if (existsSync(mark)) continue;
    await requireBuildMachine();
    await installBuildPackages(log);
    const programs = await buildPrograms([component], log);
    const waiting = () => log('another process adds to the mirror, waiting for it …');
    await withLock(`mirror-add-${keyOf(site)}`, waiting, () =>
      withScratch(site, async (temporary) => {
        await removeUnfinished(dirname(site));
        const [files, registry] = [join(temporary, 'files'), join(temporary, 'registry')];
        for (const directory of [files, registry]) await mkdir(directory);
        await packFiles([component], programs, files);
        await packImages(imagesOf(component), programs, {
          registryDirectory: registry,
          work: join(temporary, 'work'),
          log,
        });
        await mergeInto(join(site, 'files'), files);
        // Blobs come first: a tag that can be read must be complete.
        const blobs = 'docker/registry/v2/blobs';
        if (existsSync(join(registry, blobs))) await mergeInto(join(site, 'registry', blobs), join(registry, blobs));
        await mergeInto(join(site, 'registry'), registry);
        await mkdir(dirname(mark), { recursive: true });
        await writeFile(mark, '');
        log(`the mirror offers ${component.name} ${component.version}`);
      }),
    );
  }
}

/** Links the files below `from` into `to`, over what has the same name there. */
async function mergeInto(to: string, from: string): Promise<void> {
  await mustRun(['cp', '-al', '--force', `${from}/.`, `${to}/`]);
}

async function partName(component: Component): Promise<string> {
  const build = component.programs.length > 0 && (await buildDirectory(component));
  const published = [releaseFiles(machineArchitecture(), [component]), imagesOf(component)];
  return `${component.name}-${component.version}-${keyOf(packing, build, await pauseDirectory(), published)}`;
}

/** Where each component's programs are. */
type Programs = (component: Component | 'pause') => string;

async function buildPrograms(wanted: readonly Component[], log: Log): Promise<Programs> {
  const directories = new Map<Component | 'pause', string>([['pause', await pausePrograms()]]);
  for (const component of wanted) {
    if (component.programs.length > 0) directories.set(component, await crictlOr(component, log));
  }
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

async function packFiles(offered: readonly Component[], programs: Programs, filesDirectory: string): Promise<void> {
  for (const file of releaseFiles(machineArchitecture(), offered)) {
    await packRelease(file, programs(file.component), filesDirectory);
  }
}

async function packDebian(filesDirectory: string, log: Log): Promise<void> {
  const apt = join(filesDirectory, aptPath);
  await mkdir(dirname(apt), { recursive: true });
  await mustRun(['cp', '-al', await aptRepository(log), apt]);
}

async function packImages(
  wanted: readonly Image[],
  programs: Programs,
  { registryDirectory, work, log }: { registryDirectory: string; work: string; log: Log },
): Promise<void> {
  await mkdir(work, { recursive: true });
  const tarFile = join(work, 'layer.tar');
  const storeBase = async (image: Image): Promise<readonly Descriptor[]> => {
    const root = await rootOf(image, log);
    if (root === undefined) return [];
    await tarRoot(root, tarFile);
    return [await storeLayer(registryDirectory, tarFile)];
  };
  const bases = new Map<Base, readonly Descriptor[]>();
  for (const image of wanted) {
    const base = bases.get(image.base) ?? (await storeBase(image));
    bases.set(image.base, base);
    const layers = [...base];
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
