import { hostMarks } from '../../common/host-marks.js';
import { KubexmError, unreachable } from '../../errors/index.js';
import { type PackageManager, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { rememberBefore } from './before.js';
import { mayBeStaleLists, packageFailure } from './package-failure.js';
import { missingPackages, packageName, packageState, packageWord, runManager } from './package-manager.js';
import type { InstallPackage, RemovePackage, UpdatePackageCache } from './params.js';

/** Installing asks for downloads, and may wait for another package manager. */
const policy = { timeoutMs: 1_800_000, attempts: 3, backoffMs: 5000 };

/** Installs packages; those that are there in the wanted version stay as they are. */
export const installPackage = defineStep({
  kind: 'package.install',
  title: (p: InstallPackage) => `Install ${p.packages.map(packageName).join(', ')}`,
  policy,
  async precheck(ctx, p) {
    const state = await packageState(ctx, p.packages.map(packageName), p.manager);
    const missing = missingPackages(state, p.packages);
    if (missing.length === 0) return satisfied('all are installed');
    const names = missing.map(packageName);
    const absent = names.filter((name) => state.installed.get(name)?.state !== 'installed');
    return needed(`not installed, or in another version: ${names.join(', ')}`, {
      manager: state.manager,
      missing,
      absent,
    });
  },
  async run(ctx, _p, { manager, missing, absent }) {
    await rememberBefore(ctx, 'packages', Object.fromEntries(absent.map((name) => [name, null])));
    const words = missing.map((spec) => packageWord(manager, spec));
    try {
      await runManager(ctx, manager, [...installArgs(manager), ...words]);
    } catch (error) {
      // Lists that were never fetched, or are older than the repository, know neither the package nor its file.
      if (!(error instanceof KubexmError) || !mayBeStaleLists(error)) throw error;
      await refresh(ctx, manager);
      await runManager(ctx, manager, [...installArgs(manager), ...words]);
    }
  },
  async rollback(ctx, _p, { manager, absent }) {
    // Only what was not there at all: an earlier version of a package may no longer be had.
    if (absent.length > 0) await runManager(ctx, manager, ['remove', ...absent]);
  },
});

/** Removes packages; with `purge` also the configuration files that apt leaves behind. */
export const removePackage = defineStep({
  kind: 'package.remove',
  title: (p: RemovePackage) => `${p.purge ? 'Purge' : 'Remove'} ${p.packages.join(', ')}`,
  policy,
  async precheck(ctx, p) {
    const { manager, installed } = await packageState(ctx, p.packages, p.manager);
    const present = p.packages.filter((name) => {
      const found = installed.get(name);
      return found !== undefined && (found.state === 'installed' || p.purge === true);
    });
    if (present.length === 0) return satisfied('none is installed');
    return needed(`installed: ${present.join(', ')}`, { manager, present });
  },
  async run(ctx, p, { manager, present }) {
    await runManager(ctx, manager, [manager === 'apt' && p.purge ? 'purge' : 'remove', ...present]);
  },
});

/** Fetches the package lists anew, when they are old, or older than the host's package sources. */
export const updatePackageCache = defineStep({
  kind: 'package.refresh',
  title: (_p: UpdatePackageCache) => 'Refresh the package lists',
  policy,
  async precheck(ctx, p) {
    const specs = p.packages ?? [];
    const [state, age] = await Promise.all([packageState(ctx, specs.map(packageName), p.manager), listsAge(ctx)]);
    if (specs.length > 0 && missingPackages(state, specs).length === 0) return satisfied('nothing is to be installed');
    if (age === undefined)
      return needed('never fetched by kubexm, or the package sources changed since', state.manager);
    if (age > (p.maxAgeSeconds ?? 86_400)) return needed(`${Math.round(age / 3600)} hours old`, state.manager);
    return satisfied(`${Math.round(age / 60)} minutes old`);
  },
  async run(ctx, _p, manager) {
    await refresh(ctx, manager);
    await ctx.host.writeFile(hostMarks.packageLists, '', { signal: ctx.signal });
  },
});

async function refresh(ctx: StepContext, manager: PackageManager): Promise<void> {
  const result = await runManager(ctx, manager, refreshArgs(manager));
  const lines = `${result.stdout}\n${result.stderr}`.split('\n');
  const failures = lines.filter((line) => /^(?:Err:|[WE]: Failed to fetch)/.test(line));
  if (manager !== 'apt' || failures.length === 0) return;
  // apt-get calls it a success when it reached nothing and keeps the old lists.
  if (!lines.some((line) => /^(?:Hit|Get):/.test(line))) throw packageFailure(ctx.host.name, manager, result);
  for (const failure of failures) ctx.log('warn', `a package repository failed, the others serve: ${failure}`);
}

/** Seconds since kubexm refreshed the lists; undefined where it never did, or where sources changed or lists went since. */
async function listsAge({ host, signal }: StepContext): Promise<number | undefined> {
  const command = sh`stamp=${hostMarks.packageLists}
[ -e "$stamp" ] || exit 0
changed=$(find /etc/apt/sources.list /etc/apt/sources.list.d /etc/yum.repos.d /etc/zypp/repos.d -newer "$stamp" 2> /dev/null)
[ -z "$changed" ] || exit 0
[ ! -d /var/lib/apt/lists ] || ls /var/lib/apt/lists | grep -q _ || exit 0
echo $(( $(date +%s) - $(stat -c %Y "$stamp") ))`;
  const { stdout } = await host.run(command, { signal });
  return stdout.trim() === '' ? undefined : Number(stdout);
}

function installArgs(manager: PackageManager): readonly string[] {
  switch (manager) {
    case 'apt':
      // A pinned version may be older than the one that is there.
      return ['install', '--no-install-recommends', '--allow-downgrades'];
    case 'dnf':
    case 'yum':
      return ['install'];
    case 'zypper':
      return ['install', '--no-recommends', '--oldpackage'];
    default:
      return unreachable(manager);
  }
}

function refreshArgs(manager: PackageManager): readonly string[] {
  switch (manager) {
    case 'apt':
      return ['update'];
    case 'dnf':
    case 'yum':
      return ['makecache'];
    case 'zypper':
      return ['refresh'];
    default:
      return unreachable(manager);
  }
}
