import { hostMarks } from '../../common/host-marks.js';
import { sh } from '../../runner/index.js';
import { refuseSystemPath } from '../common/path.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

export interface RemoveOwnFiles {
  /** What they are, for people: `files of Kubernetes`. */
  readonly what: string;
  /** Files and links. */
  readonly files: readonly string[];
  /** Directories that go when nothing is in them any more, the deepest first. One that is a mount stays. */
  readonly emptyDirectories: readonly string[];
}

/** Removes files by their names, and then the directories that they leave empty; what others put there stays. */
export const removeOwnFiles = defineStep<RemoveOwnFiles>({
  kind: 'reset.own-files',
  title: (p) => `Remove ${p.what}`,
  async precheck(ctx, p) {
    const { files, directories } = await leftOf(ctx, p);
    if (files.length + directories.length === 0) return satisfied('they are gone');
    const first = [...files, ...directories].slice(0, 3).join(', ');
    return needed(`${files.length} files and ${directories.length} empty directories are there: ${first}`);
  },
  async run({ host, signal }, p) {
    for (const path of [...p.files, ...p.emptyDirectories]) refuseSystemPath(path);
    await host.run(
      sh`rm -f -- ${p.files} && for d in ${p.emptyDirectories}; do [ ! -d "$d" ] || mountpoint -q "$d" || rmdir --ignore-fail-on-non-empty -- "$d"; done`,
      { signal },
    );
  },
});

async function leftOf(
  { host, signal }: StepContext,
  { files, emptyDirectories }: RemoveOwnFiles,
): Promise<{ readonly files: readonly string[]; readonly directories: readonly string[] }> {
  const found = await host.statMany(files, { signal });
  const { stdout } = await host.run(
    sh`for d in ${emptyDirectories}; do [ -d "$d" ] && [ -z "$(ls -A "$d")" ] && ! mountpoint -q "$d" && echo "$d"; done; true`,
    { signal },
  );
  return { files: [...found.keys()], directories: stdout.split('\n').filter((line) => line !== '') };
}

/** `into`: where archives were extracted to. `names`: what is known to come in them, for an extraction that was interrupted. */
export interface RemoveExtracted {
  readonly into: string;
  readonly names: readonly string[];
}

/** Removes from a directory what kubexm extracted there, as its records on the host say; what others put there stays. */
export const removeExtracted = defineStep({
  kind: 'reset.extracted',
  title: (p: RemoveExtracted) => `Remove what kubexm extracted to ${p.into}`,
  async precheck(ctx, p) {
    const found = await extractedIn(ctx, p);
    return found.length === 0 ? satisfied('nothing is left') : needed(`${found.length} files are there`, found);
  },
  async run({ host, signal }, p, found) {
    await host.run(sh`rm -f -- ${found} && rmdir --ignore-fail-on-non-empty -- ${p.into}`, { signal });
  },
});

async function extractedIn({ host, signal }: StepContext, p: RemoveExtracted): Promise<readonly string[]> {
  const { stdout } = await host.run(sh`cat ${hostMarks.extracted}/*.json 2> /dev/null || :`, { signal });
  const recorded = stdout.split('\n').flatMap(pathsIn);
  const paths = [...recorded, ...p.names.map((name) => `${p.into}/${name}`)].filter((path) =>
    path.startsWith(`${p.into}/`),
  );
  return [...(await host.statMany([...new Set(paths)], { signal })).values()]
    .filter(({ type }) => type === 'file' || type === 'symlink')
    .map(({ path }) => path);
}

/** A record is a line of JSON; one that was not written to its end tells nothing. */
function pathsIn(record: string): readonly string[] {
  try {
    const { members } = JSON.parse(record) as { readonly members?: readonly { readonly path: string }[] };
    return (members ?? []).map(({ path }) => path);
  } catch {
    return [];
  }
}

export interface RemoveHalfFiles {
  readonly below: readonly string[];
}

/** Below these directories, what a killed run left: `.name.kubexm-random`, and the stages of extractions. */
export const removeHalfFiles = defineStep({
  kind: 'reset.half-files',
  title: (_p: RemoveHalfFiles) => 'Remove half-written files of killed runs',
  async precheck({ host, signal }, p) {
    const { stdout } = await host.run(
      sh`for d in ${p.below}; do [ ! -d "$d" ] || find "$d" -xdev \\( -name '.*.kubexm-*' -o -name '.kubexm-*' \\) -prune -print; done`,
      { signal },
    );
    const found = stdout.split('\n').filter((line) => line !== '');
    return found.length === 0 ? satisfied('there are none') : needed(found.join(', '), found);
  },
  async run({ host, signal }, _p, found) {
    await host.run(sh`rm -rf -- ${found}`, { signal });
  },
});

/** `units`: whose files are gone. */
export interface ForgetUnits {
  readonly units: readonly string[];
}

/** What systemd still holds of units that are gone: their failures, and the slices that the kubelet made for pods. */
export const forgetUnits = defineStep<ForgetUnits>({
  kind: 'reset.units',
  title: () => 'Let systemd forget units that are gone',
  async precheck({ host, signal }, p) {
    const { stdout } = await host.run(
      sh`systemctl list-units --all --plain --no-legend 'kubepods*.slice' | awk '{ print $1 }'
for u in ${p.units}; do systemctl is-failed --quiet "$u" && echo "$u"; done; true`,
      { signal },
    );
    const left = stdout.split('\n').filter((line) => line !== '');
    return left.length === 0 ? satisfied('it holds none') : needed(left.join(', '));
  },
  async run({ host, signal }, p) {
    await host.run(
      sh`for s in $(systemctl list-units --all --plain --no-legend 'kubepods*.slice' | awk '{ print $1 }' | sort -r); do systemctl stop "$s"; done
systemctl daemon-reload
for u in ${p.units}; do systemctl reset-failed "$u" 2> /dev/null; done; true`,
      { signal },
    );
  },
});
