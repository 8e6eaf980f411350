import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

export interface TimeServers {
  /** Addresses or names, asked before those that the distribution gave chrony. */
  readonly servers: readonly string[];
}

/** Where distributions keep chrony's configuration: Debian's first, then that of the others. */
const mainConfigs = ['/etc/chrony/chrony.conf', '/etc/chrony.conf'];
/** For a chrony that reads no directory by itself, as RHEL's. */
const ownDirectory = '/etc/chrony.d';
const fileName = 'kubexm.conf';

/** The time servers in a file of their own, which chrony's own configuration reads; restarts it when that changed. */
export const configureTimeServers = defineStep<TimeServers>({
  kind: 'system.time-servers',
  title: (p) => `Keep the time by ${p.servers.join(', ')}`,
  async precheck(ctx, p) {
    const { directory, main } = await layout(ctx);
    if (directory === undefined) return needed(`${main} reads no directory`);
    const found = await ctx.host.readFile(`${directory}/${fileName}`, { signal: ctx.signal });
    if (found !== content(p)) return needed(found === undefined ? 'missing' : 'content differs');
    const running = await ctx.host.tryRun(sh`systemctl is-active --quiet chronyd.service`, { signal: ctx.signal });
    return running.exitCode === 0 ? satisfied('chrony runs with these servers') : needed('chrony does not run');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const { directory, main, text } = await layout(ctx);
    if (directory === undefined) {
      const line = `${hostMarks.generated}\nconfdir ${ownDirectory}\n`;
      await host.writeFile(main, text.endsWith('\n') || text === '' ? text + line : `${text}\n${line}`, { signal });
    }
    await host.writeFile(`${directory ?? ownDirectory}/${fileName}`, content(p), { mode: 0o644, signal });
    // Debian's unit is chrony.service, which has this name too.
    await host.run(sh`systemctl restart chronyd.service`, { signal });
  },
});

/** `waitSeconds`: how long chrony may take to choose a server. */
export interface TimeInSync {
  readonly waitSeconds: number;
}

/** Checks that chrony has a server that it goes by. */
export const timeInSync = defineStep<TimeInSync>({
  kind: 'system.time-in-sync',
  title: () => 'Check that the clock goes by a time server',
  async precheck(ctx) {
    const { done, because } = await tracking(ctx);
    return done ? satisfied(because) : needed(because);
  },
  async run(ctx, p) {
    const timeoutMs = p.waitSeconds * 1000;
    const answer = await pollUntil(() => tracking(ctx), { timeoutMs, intervalMs: 2000, signal: ctx.signal });
    if (answer.done) return;
    const sources = await ctx.host.tryRun(sh`chronyc -n sources`, { signal: ctx.signal });
    throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: its clock goes by no time server`, {
      details: [answer.because, ...sources.stdout.trim().split('\n')],
      hint: `check that ${ctx.host.name} reaches spec.system.ntpServers over UDP port 123`,
    });
  },
});

async function tracking({ host, signal }: StepContext): Promise<{ readonly done: boolean; readonly because: string }> {
  const { exitCode, stdout, stderr } = await host.tryRun(sh`chronyc -n tracking`, { signal });
  if (exitCode !== 0) return { done: false, because: (stderr || stdout).trim().split('\n').at(-1) ?? '' };
  const leap = /^Leap status\s*:\s*(.*)$/m.exec(stdout)?.[1]?.trim() ?? 'not told';
  const offset = /^System time\s*:\s*(.*)$/m.exec(stdout)?.[1]?.trim() ?? '';
  return leap === 'Normal' ? { done: true, because: offset } : { done: false, because: `leap status: ${leap}` };
}

async function layout({ host, signal }: StepContext): Promise<{
  readonly main: string;
  readonly text: string;
  readonly directory: string | undefined;
}> {
  for (const main of mainConfigs) {
    const text = await host.readFile(main, { signal });
    if (text === undefined) continue;
    // Its drop-ins: sourcedir takes servers only, confdir and include anything.
    const directory = /^\s*(?:confdir\s+(\S+)|include\s+(\/\S+)\/\*\.conf)\s*$/m.exec(text);
    return { main, text, directory: directory?.[1] ?? directory?.[2] };
  }
  throw new KubexmError('FILE_MISSING', `${host.name} has no configuration of chrony`, {
    details: mainConfigs,
    hint: `on ${host.name}: reinstall the package chrony`,
  });
}

function content({ servers }: TimeServers): string {
  return `${[hostMarks.generated, ...servers.map((server) => `server ${server} iburst prefer`)].join('\n')}\n`;
}
