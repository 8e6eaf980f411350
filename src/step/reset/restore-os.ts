import { hostMarks } from '../../common/host-marks.js';
import { sh } from '../../runner/index.js';
import { recalledBefore } from '../common/before.js';
import { withSwap } from '../common/fstab.js';
import { procPath } from '../common/kernel.js';
import { packageState, runManager } from '../common/package-manager.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

/** What these steps put back is what `rememberBefore` wrote down on the host. A host without such notes stays as it is. */
type NoParams = Readonly<Record<string, never>>;

/** Kernel parameters as they were, now and at boot. In a container, those of the machine below are left to it. */
export const restoreSysctls = defineStep({
  kind: 'reset.sysctl',
  // What a host does not let itself be set is told, and stays.
  recheck: false,
  title: (_p: NoParams) => 'Put kernel parameters back',
  async precheck(ctx) {
    const [differing, file] = await Promise.all([
      differingSysctls(ctx),
      ctx.host.stat(hostMarks.sysctlFile, { signal: ctx.signal }),
    ]);
    const keys = Object.keys(differing);
    if (keys.length === 0 && !file) return satisfied('they are as they were');
    return needed(
      keys.length > 0 ? `not as they were: ${keys.join(', ')}` : `${hostMarks.sysctlFile} is there`,
      differing,
    );
  },
  async run({ host, signal, log }, _p, differing) {
    // The file goes last: a run that is interrupted finds it.
    for (const [key, value] of Object.entries(differing)) {
      const { exitCode, stderr } = await host.tryRun(sh`printf '%s\\n' ${value} > ${procPath(key)}`, { signal });
      if (exitCode !== 0) log('warn', `${key} cannot be put back to ${value}: ${stderr.trim()}`);
    }
    await host.remove(hostMarks.sysctlFile, { signal });
  },
});

/** The recorded parameters that this kernel still has and that are another now, with the value they had. */
async function differingSysctls(ctx: StepContext): Promise<Readonly<Record<string, string>>> {
  const recorded = Object.entries(await recalledBefore(ctx, 'sysctl')).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  if (recorded.length === 0) return {};
  const command = sh`systemd-detect-virt --container --quiet && echo container || echo machine
for file in ${recorded.map(([key]) => procPath(key))}; do if [ -w "$file" ]; then tr -s '\\t\\n' ' ' < "$file"; echo; else echo '?'; fi; done`;
  const { stdout } = await ctx.host.run(command, { signal: ctx.signal });
  const [place, ...values] = stdout.split('\n').map((line) => line.trim());
  return Object.fromEntries(
    recorded.filter(([key, value], index) => {
      const live = values[index];
      if (live === undefined || live === '' || live === '?' || live === value) return false;
      return key.startsWith('net.') || place !== 'container';
    }),
  );
}

/** Kernel modules that kubexm loaded and nobody uses; in a container, they are the machine's below. */
export const unloadModules = defineStep({
  kind: 'reset.modules',
  recheck: false,
  title: (_p: NoParams) => 'Unload the kernel modules that kubexm loaded',
  async precheck(ctx) {
    const [idle, file] = await Promise.all([
      idleModules(ctx),
      ctx.host.stat(hostMarks.modulesFile, { signal: ctx.signal }),
    ]);
    if (idle.length === 0 && !file) return satisfied('none is left that nobody uses');
    return needed(idle.length > 0 ? idle.join(', ') : `${hostMarks.modulesFile} is there`, idle);
  },
  async run({ host, signal, log }, _p, idle) {
    for (const module of idle) {
      const { exitCode, stderr } = await host.tryRun(sh`modprobe -r ${module}`, { signal });
      if (exitCode !== 0) log('debug', `${module} stays loaded: ${stderr.trim()}`);
    }
    await host.remove(hostMarks.modulesFile, { signal });
  },
});

/** Loaded by kubexm, counted by the kernel as used by nobody; those that need others first. */
async function idleModules(ctx: StepContext): Promise<readonly string[]> {
  const modules = Object.keys(await recalledBefore(ctx, 'modules')).reverse();
  if (modules.length === 0) return [];
  // A bridge of somebody's is filtered through br_netfilter, which counts no users.
  const command = sh`if systemd-detect-virt --container --quiet; then exit 0; fi
for module in ${modules}; do
  if [ "$module" = br_netfilter ] && ls -d /sys/class/net/*/bridge > /dev/null 2>&1; then continue; fi
  [ "$(cat "/sys/module/$(echo "$module" | tr - _)/refcnt" 2> /dev/null)" = 0 ] && echo "$module"
done
true`;
  const { stdout } = await ctx.host.run(command, { signal: ctx.signal });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Swap lines back into /etc/fstab, and the swap on that was. */
export const restoreSwap = defineStep({
  kind: 'reset.swap',
  recheck: false,
  title: (_p: NoParams) => 'Turn swap on again where it was on',
  async precheck(ctx) {
    const { host, signal } = ctx;
    const [fstab = '', swaps = '', recorded] = await Promise.all([
      host.readFile('/etc/fstab', { signal }),
      host.readFile('/proc/swaps', { signal }),
      recalledBefore(ctx, 'swap'),
    ]);
    const off = Object.keys(recorded).filter((device) => !swaps.split(/\s/).includes(device));
    const restored = withSwap(fstab);
    if (restored === fstab && off.length === 0) return satisfied('kubexm turned none off');
    const because = off.length > 0 ? `${off.join(', ')} was on` : '/etc/fstab had swap';
    return needed(because, { off, fstab: restored === fstab ? null : restored });
  },
  async run({ host, signal, log }, _p, { off, fstab }) {
    if (fstab !== null) {
      const found = await host.stat('/etc/fstab', { signal });
      const like = found ? { mode: found.mode, owner: `${found.owner}:${found.group}` } : {};
      await host.writeFile('/etc/fstab', fstab, { signal, ...like });
    }
    for (const device of off) {
      const { exitCode, stderr } = await host.tryRun(sh`swapon ${device}`, { signal });
      if (exitCode !== 0) log('warn', `swap on ${device} cannot be turned on again: ${stderr.trim()}`);
    }
  },
});

/** The host's own name, now and at boot. */
export const restoreHostname = defineStep({
  kind: 'reset.hostname',
  title: (_p: NoParams) => 'Give the host its own name back',
  async precheck(ctx) {
    const { host, signal } = ctx;
    const { now, stored } = await recalledBefore(ctx, 'hostname');
    if (now === undefined) return satisfied('kubexm has not changed it');
    const [live, text] = await Promise.all(
      ['/proc/sys/kernel/hostname', '/etc/hostname'].map((path) => host.readFile(path, { signal })),
    );
    if (live?.trim() === now && (text ?? null) === stored) return satisfied(`is ${now}`);
    return needed(`is ${live?.trim() ?? 'unknown'}, was ${now ?? 'none'}`, { now, stored: stored ?? null });
  },
  async run({ host, signal }, _p, { now, stored }) {
    if (stored === null) await host.remove('/etc/hostname', { signal });
    else await host.writeFile('/etc/hostname', stored, { signal });
    if (now !== null && now !== '') await host.run(sh`echo ${now} > /proc/sys/kernel/hostname`, { signal });
  },
});

/** The time zone as it was. */
export const restoreTimezone = defineStep({
  kind: 'reset.timezone',
  title: (_p: NoParams) => 'Put the time zone back',
  async precheck(ctx) {
    const before = (await recalledBefore(ctx, 'timezone'))['/etc/localtime'];
    if (before === undefined) return satisfied('kubexm has not changed it');
    const found = await ctx.host.stat('/etc/localtime', { signal: ctx.signal });
    if ((found?.linkTarget ?? null) === before) return satisfied('is as it was');
    return needed(`was ${before ?? 'UTC, without a link'}`, before);
  },
  async run({ host, signal }, _p, before) {
    if (before === null) await host.remove('/etc/localtime', { signal });
    else
      await host.run(sh`ln -sfn ${before} /etc/localtime.kubexm && mv -fT /etc/localtime.kubexm /etc/localtime`, {
        signal,
      });
  },
});

const chronyFiles = ['/etc/chrony/conf.d/kubexm.conf', '/etc/chrony.d/kubexm.conf'];

/** Time servers and time services as they were: chrony without kubexm's servers, or the service that chrony took over from. */
export const restoreTimeKeeper = defineStep({
  kind: 'reset.time-keeper',
  title: (_p: NoParams) => 'Put time servers back',
  async precheck(ctx) {
    const { host, signal } = ctx;
    const [files, services, packages] = await Promise.all([
      host.statMany(chronyFiles, { signal }),
      recalledBefore(ctx, 'services'),
      recalledBefore(ctx, 'packages'),
    ]);
    const found = [...files.keys()];
    const wanted = await notAsBefore(ctx, Object.keys(services));
    if (found.length + wanted.length === 0) return satisfied('they are as they were');
    return needed([...found, ...wanted].join(', '), { found, wanted, ownChrony: !Object.hasOwn(packages, 'chrony') });
  },
  async run({ host, signal }, _p, { found, wanted, ownChrony }) {
    // A main configuration that read no directory has got two lines, the first of them kubexm's mark.
    await host.run(
      sh`rm -f -- ${found}
for f in /etc/chrony/chrony.conf /etc/chrony.conf; do [ ! -f "$f" ] || ! grep -qxF ${hostMarks.generated} "$f" || sed -i '/^# Written by kubexm; /,/^confdir /d' "$f"; done
for unit in chronyd.service chrony.service; do
  systemctl is-active --quiet "$unit" || continue
  if ${ownChrony ? 'true' : 'false'}; then systemctl restart "$unit"; else systemctl stop "$unit"; systemctl disable --quiet "$unit" 2> /dev/null; fi
done
true`,
      { signal },
    );
    for (const line of wanted) {
      const [unit = '', state = ''] = line.split(' ');
      await host.run(sh`systemctl ${state === 'enabled' ? 'enable' : 'start'} ${unit}`, { signal });
    }
  },
});

/** Lines `UNIT enabled` and `UNIT active` that do not hold any more, of units that there still are. */
async function notAsBefore({ host, signal }: StepContext, lines: readonly string[]): Promise<readonly string[]> {
  const states = await Promise.all(
    lines.map(async (line) => {
      const [unit = '', wanted] = line.split(' ');
      const { load, active, enabled } = await host.serviceState(unit, { signal });
      if (load !== 'loaded') return [];
      return (wanted === 'enabled' ? enabled : active === 'active') ? [] : [line];
    }),
  );
  return states.flat();
}

/** Packages that kubexm installed and that are still there. */
export const purgeInstalledPackages = defineStep({
  kind: 'reset.packages',
  title: (_p: NoParams) => 'Remove the packages that kubexm installed',
  policy: { timeoutMs: 1_800_000, attempts: 3, backoffMs: 5000 },
  async precheck(ctx) {
    const names = Object.keys(await recalledBefore(ctx, 'packages'));
    if (names.length === 0) return satisfied('it installed none');
    const { manager, installed } = await packageState(ctx, names, undefined);
    const present = names.filter((name) => installed.has(name));
    return present.length === 0 ? satisfied('they are gone') : needed(present.join(', '), { manager, present });
  },
  async run(ctx, _p, { manager, present }) {
    await runManager(ctx, manager, [manager === 'apt' ? 'purge' : 'remove', ...present]);
  },
});
