import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { rememberBefore } from './before.js';
import { activeSwaps, swapLines, withoutSwap } from './fstab.js';
import { contradictingLines, withHostsBlock } from './hosts-block.js';
import type { ConfigureHostsFile, DisableSwap, SetHostname, SetTimezone } from './params.js';

/** Names the host, now and at boot. */
export const setHostname = defineStep({
  kind: 'system.hostname',
  title: (p: SetHostname) => `Set the hostname to ${p.hostname}`,
  async precheck({ host, signal }, p) {
    const [live, stored] = await Promise.all(
      ['/proc/sys/kernel/hostname', '/etc/hostname'].map((path) => host.readFile(path, { signal })),
    );
    const [now, atBoot] = [live?.trim() ?? '', stored?.trim() ?? ''];
    if (now === p.hostname && atBoot === p.hostname) return satisfied(`is ${p.hostname}`);
    return needed(`is ${now || 'not set'}${atBoot === now ? '' : `, at boot ${atBoot || 'not set'}`}`, {
      now,
      atBoot,
      stored: stored ?? null,
    });
  },
  async run(ctx, p, { now, stored }) {
    await rememberBefore(ctx, 'hostname', { now, stored });
    await nameHost(ctx, p.hostname, p.hostname);
  },
  async rollback(ctx, _p, { now, atBoot }) {
    if (now !== '') await nameHost(ctx, now, atBoot || now);
  },
});

/** Keeps the cluster's names in one marked block of /etc/hosts; without entries the block goes. */
export const configureHostsFile = defineStep({
  kind: 'system.hosts-file',
  title: ({ entries }: ConfigureHostsFile) =>
    entries.length === 0 ? "Remove kubexm's block from /etc/hosts" : `Keep ${entries.length} entries in /etc/hosts`,
  async precheck(ctx, { entries }) {
    const { host, signal } = ctx;
    const text = (await host.readFile('/etc/hosts', { signal })) ?? '';
    const wanted = withHostsBlock(text, entries);
    if (wanted === undefined) {
      throw new KubexmError('FILE_MISSING', `${host.name}: kubexm's block in /etc/hosts is damaged`, {
        hint: `on ${host.name}: delete the lines between, and with, '# BEGIN kubexm' and '# END kubexm' in /etc/hosts`,
        retryable: false,
      });
    }
    for (const line of contradictingLines(text, entries)) {
      ctx.log(
        line.startsWith('127.') ? 'debug' : 'warn',
        `/etc/hosts has its own line for a host of the cluster: ${line}`,
      );
    }
    return wanted === text ? satisfied('the block is as wanted') : needed('the block differs', { text, wanted });
  },
  run: (ctx, _p, { wanted }) => replaceText(ctx, '/etc/hosts', wanted),
  rollback: (ctx, _p, { text }) => replaceText(ctx, '/etc/hosts', text),
});

/** Turns swap off, now and in /etc/fstab, whose lines it keeps as comments. */
export const disableSwap = defineStep({
  kind: 'system.swap-off',
  title: (_p: DisableSwap) => 'Turn swap off',
  async precheck(ctx) {
    const { host, signal } = ctx;
    const [procSwaps = '', fstab = ''] = await Promise.all(
      ['/proc/swaps', '/etc/fstab'].map((path) => host.readFile(path, { signal })),
    );
    const active = activeSwaps(procSwaps);
    const atBoot = swapLines(fstab);
    if (active.length === 0 && atBoot.length === 0) return satisfied('no swap, now and in /etc/fstab');
    if (atBoot.length < active.length) {
      ctx.log('warn', `not all swap is in /etc/fstab; whatever turned on ${active.join(', ')} may do so again at boot`);
    }
    const because = [
      ...active.map((device) => `${device} is in use`),
      ...(atBoot.length > 0 ? ['/etc/fstab has swap'] : []),
    ];
    return needed(because.join(', '), { active, fstab });
  },
  async run(ctx, _p, { active, fstab }) {
    await rememberBefore(ctx, 'swap', Object.fromEntries(active.map((device) => [device, null])));
    if (active.length > 0) await ctx.host.run(sh`swapoff -a`, { signal: ctx.signal, long: true });
    if (swapLines(fstab).length > 0) await replaceText(ctx, '/etc/fstab', withoutSwap(fstab));
  },
  async rollback(ctx, _p, { active, fstab }) {
    if (swapLines(fstab).length > 0) await replaceText(ctx, '/etc/fstab', fstab);
    for (const device of active) await ctx.host.run(sh`swapon ${device}`);
  },
});

const zones = '/usr/share/zoneinfo';

/** Points /etc/localtime at a time zone. */
export const setTimezone = defineStep({
  kind: 'system.timezone',
  title: (p: SetTimezone) => `Set the time zone to ${p.timezone}`,
  async precheck({ host, signal }, { timezone }) {
    const found = await host.statMany(['/etc/localtime', `${zones}/${timezone}`], { signal });
    const current = found.get('/etc/localtime');
    // Without the link a host is on UTC.
    const zone = current ? current.linkTarget?.replace(/^.*\/zoneinfo\//, '') : 'UTC';
    if (zone === timezone || (isUtc(zone) && isUtc(timezone))) return satisfied(`is ${timezone}`);
    if (!found.has(`${zones}/${timezone}`)) {
      throw new KubexmError('HOST_UNSUPPORTED', `${host.name} knows no time zone ${timezone}`, {
        hint: 'check the spelling, or install the package tzdata',
        retryable: false,
      });
    }
    return needed(`is ${zone ?? 'a file of its own'}`, { linkTarget: current?.linkTarget });
  },
  async run(ctx, p, { linkTarget }) {
    await rememberBefore(ctx, 'timezone', { '/etc/localtime': linkTarget ?? null });
    await linkLocaltime(ctx.host, `${zones}/${p.timezone}`, ctx.signal);
  },
  async rollback({ host, signal }, _p, { linkTarget }) {
    if (linkTarget !== undefined) await linkLocaltime(host, linkTarget, signal);
  },
});

async function nameHost({ host, signal }: StepContext, now: string, atBoot: string): Promise<void> {
  // The kernel's name is set directly: hostnamectl needs a bus, which a minimal host lacks.
  await host.writeFile('/etc/hostname', `${atBoot}\n`, { signal });
  await host.run(sh`echo ${now} > /proc/sys/kernel/hostname`, { signal });
}

async function replaceText({ host, signal }: StepContext, path: string, text: string): Promise<void> {
  const found = await host.stat(path, { signal });
  await host.writeFile(path, text, {
    signal,
    ...(found ? { mode: found.mode, owner: `${found.owner}:${found.group}` } : {}),
  });
}

async function linkLocaltime(host: StepContext['host'], target: string, signal: AbortSignal): Promise<void> {
  // Renamed over the old link, so that there is never a moment without a time zone.
  await host.run(sh`ln -sfn ${target} /etc/localtime.kubexm && mv -fT /etc/localtime.kubexm /etc/localtime`, {
    signal,
  });
}

function isUtc(zone: string | undefined): boolean {
  return zone !== undefined && ['UTC', 'Etc/UTC', 'Zulu', 'Universal'].includes(zone);
}
