import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Cache, fileChecksum } from '../cache/index.js';
import type { Arch, WorkDirs } from '../common/work-dirs.js';
import { type Pins, readPins } from '../step/common/download/lock-file.js';
import { unlessMissing } from '../util/system-error.js';
import { type ComponentName, componentNames, lookUp } from './catalogue.js';
import { artifactPath } from './remote-binary.js';
import { configuredChecksum } from './sources.js';
import type { ArtifactIndex, ArtifactState, BinaryRef, ResourceContext } from './types.js';

/**
 * Looks at the work directories before planning: every file of the catalogue that is there is compared with the config's
 * digest, else with the one in `kubexm.lock`. With neither it counts as unverified: the download step will settle it.
 */
export async function loadArtifactIndex({
  workDirs,
  download,
  cache,
}: Pick<ResourceContext, 'workDirs' | 'download'> & { readonly cache: Cache }): Promise<ArtifactIndex> {
  const pins = await readPins(workDirs.lockFile);
  const present = (await Promise.all(componentNames.map((name) => presentOf(name, workDirs)))).flat();
  const states = await Promise.all(
    present.map(async (ref): Promise<[string, ArtifactState]> => {
      const key = `${ref.name}/${ref.version}/${ref.arch}`;
      const actual = await fileChecksum(cache, artifactPath(workDirs, ref));
      return [key, compare(actual, expectedOf(ref, key, { download, pins }))];
    }),
  );
  await cache.save();
  return artifactIndex({ states: new Map(states), pins: new Map([...pins].map(([key, { sha256 }]) => [key, sha256])) });
}

/** An index of what is given; of nothing at all where nothing is. */
export function artifactIndex({
  states = new Map(),
  pins = new Map(),
}: {
  readonly states?: ReadonlyMap<string, ArtifactState>;
  readonly pins?: ReadonlyMap<string, string>;
} = {}): ArtifactIndex {
  return Object.freeze({
    stateOf: (key: string) => states.get(key) ?? { state: 'missing' },
    pinned: (key: string) => pins.get(key),
  });
}

interface Expected {
  readonly sha256: string;
  readonly from: string;
}

function expectedOf(
  ref: BinaryRef,
  key: string,
  { download, pins }: { readonly download: ResourceContext['download']; readonly pins: Pins },
): Expected | undefined {
  const configured = configuredChecksum(lookUp(ref), download);
  if (configured !== undefined) return { sha256: configured, from: 'spec.download.checksums' };
  const pinned = pins.get(key);
  return pinned && { sha256: pinned.sha256, from: 'kubexm.lock' };
}

function compare(actual: string | undefined, expected: Expected | undefined): ArtifactState {
  if (actual === undefined) return { state: 'missing' };
  if (expected === undefined) return { state: 'unverified', because: 'nothing has verified it yet' };
  if (actual === expected.sha256) return { state: 'verified', sha256: actual, from: expected.from };
  return { state: 'unverified', because: `its sha256 is ${actual}, ${expected.from} says ${expected.sha256}` };
}

/** The versions and architectures of a component that have a directory. */
async function presentOf(name: ComponentName, workDirs: WorkDirs): Promise<readonly BinaryRef[]> {
  const parent = dirname(dirname(workDirs.getComponentArtifactsDir(name, 'v0', 'amd64')));
  const versions = (await unlessMissing(readdir(parent))) ?? [];
  const arches: readonly Arch[] = ['amd64', 'arm64'];
  return versions
    .filter((version) => version.startsWith('v'))
    .flatMap((version) => arches.map((arch) => ({ name, version, arch })));
}
