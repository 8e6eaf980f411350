import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import { script, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { rememberBefore } from './before.js';
import type { KeptFile } from './kept-file.js';
import { keepFile, putBack } from './kept-file.js';
import type { Modprobe, Sysctl } from './params.js';
import { sysctlOverrides } from './sysctl-overrides.js';

/** Loads kernel modules now and at boot. What the kernel has built in counts as loaded. */
export const modprobe = defineStep({
  kind: 'kernel.modules',
  title: (p: Modprobe) => `Load the kernel modules ${p.modules.join(', ')}`,
  async precheck(ctx, p) {
    const file = p.file ?? hostMarks.modulesFile;
    const [missing, stored] = await Promise.all([missingModules(ctx, p.modules), storedFile(ctx, file)]);
    const isStored = stored?.text === modulesText(p);
    if (missing.length === 0 && isStored) return satisfied('all are loaded, now and at boot');
    const because = missing.length > 0 ? `not loaded: ${missing.join(', ')}` : `${file} differs`;
    return needed(because, { missing, isStored, kept: stored?.kept });
  },
  async run(ctx, p, { missing, isStored }) {
    const { host, signal } = ctx;
    await rememberBefore(ctx, 'modules', Object.fromEntries(missing.map((module) => [module, null])));
    for (const module of missing) {
      const loaded = await host.tryRun(sh`modprobe ${module}`, { signal });
      if (loaded.exitCode !== 0) {
        throw new KubexmError('HOST_UNSUPPORTED', `${host.name}: the kernel module ${module} cannot be loaded`, {
          details: lastLines(loaded.stderr),
          hint: `on ${host.name}: modprobe ${module}; install the package with the modules of the kernel that runs there`,
        });
      }
    }
    if (!isStored) await host.writeFile(p.file ?? hostMarks.modulesFile, modulesText(p), { signal });
  },
  // Loaded modules stay: something may use them by now.
  rollback: async ({ host }, p, { isStored, kept }) => {
    if (!isStored) await putBack(host, p.file ?? hostMarks.modulesFile, kept);
  },
});

/** Sets kernel parameters now and at boot. A parameter that this kernel does not have is an error. */
export const sysctl = defineStep({
  kind: 'kernel.sysctl',
  title: (p: Sysctl) => `Set ${Object.keys(p.values).length} kernel parameters`,
  async precheck(ctx, p) {
    const file = p.file ?? hostMarks.sysctlFile;
    const wanted = wantedValues(p);
    const [live, stored] = await Promise.all([liveValues(ctx, [...wanted.keys()]), storedFile(ctx, file)]);
    const differing = [...wanted].filter(([key, value]) => live.get(key) !== value).map(([key]) => key);
    const isStored = stored?.text === sysctlText(wanted);
    if (differing.length === 0 && isStored) {
      const overrides = await sysctlOverrides(ctx, { file, wanted });
      for (const { file: other, key, value } of overrides) {
        ctx.log(
          'warn',
          `${other} sets ${key} = ${value} and is read after ${file}: a reboot will bring that value back; take the line out`,
        );
      }
      if (overrides.length === 0) return satisfied('all have their value, now and at boot');
      return satisfied(
        `all have their value now; at boot, another file changes ${overrides.map(({ key }) => key).join(', ')}`,
      );
    }
    const because = differing.length > 0 ? `differs: ${differing.join(', ')}` : `${file} differs`;
    return needed(because, { differing, live: Object.fromEntries(live), isStored, kept: stored?.kept });
  },
  async run(ctx, p, { differing, live, isStored }) {
    const wanted = wantedValues(p);
    await rememberBefore(ctx, 'sysctl', { ...(await valuesThatNodesChange(ctx)), ...live });
    await setLive(ctx, new Map([...wanted].filter(([key]) => differing.includes(key))));
    const file = p.file ?? hostMarks.sysctlFile;
    if (!isStored) await ctx.host.writeFile(file, sysctlText(wanted), { signal: ctx.signal });
  },
  async rollback(ctx, p, { differing, live, isStored, kept }) {
    await setLive(ctx, new Map(Object.entries(live).filter(([key]) => differing.includes(key))));
    if (!isStored) await putBack(ctx.host, p.file ?? hostMarks.sysctlFile, kept);
  },
});

async function missingModules({ host, signal }: StepContext, modules: readonly string[]): Promise<string[]> {
  // Built-in modules without parameters are not in /sys/module, only in the kernel's own list, which mixes - and _.
  const command = sh`for module in ${modules}; do
  [ -d "/sys/module/$(echo "$module" | tr - _)" ] && continue
  pattern=$(echo "$module" | sed 's/[-_]/[-_]/g')
  grep -qs "/$pattern[.]ko" "/lib/modules/$(uname -r)/modules.builtin" && continue
  echo "$module"
done`;
  const { stdout } = await host.run(command, { signal });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Set by kubelet, kube-proxy and CNI plugins as soon as they run. Those that this kernel has. */
async function valuesThatNodesChange({ host, signal }: StepContext): Promise<Record<string, string>> {
  const keys = [
    'vm.overcommit_memory',
    'vm.panic_on_oom',
    'kernel.panic',
    'kernel.panic_on_oops',
    'kernel.keys.root_maxkeys',
    'kernel.keys.root_maxbytes',
    'net.ipv4.ip_forward',
    'net.ipv4.conf.all.route_localnet',
    'net.ipv4.conf.all.arp_ignore',
    'net.ipv4.conf.all.arp_announce',
    'net.ipv6.conf.all.forwarding',
    'net.netfilter.nf_conntrack_max',
    'net.netfilter.nf_conntrack_tcp_timeout_established',
    'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  ];
  const command = sh`for file in ${keys.map(procPath)}; do cat "$file" 2> /dev/null || echo '?'; done`;
  const { stdout } = await host.run(command, { signal });
  const values = stdout.split('\n');
  return Object.fromEntries(
    keys.flatMap((key, index) => {
      const value = values[index]?.trim();
      return value === undefined || value === '' || value === '?' ? [] : [[key, value]];
    }),
  );
}

async function liveValues(
  { host, signal }: StepContext,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const command = sh`for file in ${keys.map(procPath)}; do
  if [ -e "$file" ]; then tr -s '\\t\\n' ' ' < "$file"; echo; else echo '?'; fi
done`;
  const { stdout } = await host.run(command, { signal });
  const values = stdout.split('\n').map((line) => line.trim());
  const missing = keys.filter((_key, index) => values[index] === '?' || values[index] === undefined);
  if (missing.length > 0) {
    throw new KubexmError('HOST_UNSUPPORTED', `${host.name}: its kernel has no parameter ${missing.join(', ')}`, {
      ...(missing.some((key) => key.startsWith('net.bridge.'))
        ? { hint: 'net.bridge.* exist once br_netfilter is loaded' }
        : {}),
      retryable: false,
    });
  }
  return new Map(keys.map((key, index) => [key, values[index] ?? '']));
}

/** Sets each on its own, so that an error names the ones that the host does not let itself be set. */
async function setLive({ host, signal }: StepContext, values: ReadonlyMap<string, string>): Promise<void> {
  if (values.size === 0) return;
  // cat says why the kernel refuses a value; dash's own printf calls all of it an I/O error.
  const lines = [...values].map(
    ([key, value]) =>
      sh`why=$( { printf '%s\\n' ${value} | cat > ${procPath(key)}; } 2>&1 ) || { echo ${key}: "\${why##*: }"; failed=1; }`
        .text,
  );
  const result = await host.tryRun(script(`failed=0\n${lines.join('\n')}\nexit $failed`), { signal });
  if (result.exitCode === 0) return;
  const refused = lastLines(result.stdout || result.stderr);
  throw new KubexmError('HOST_UNSUPPORTED', `${host.name}: kernel parameters cannot be set: ${refused.join('; ')}`, {
    details: refused,
    hint: `${host.name} may be a container whose parameters belong to the machine below it: set them there, or leave them out`,
  });
}

async function storedFile(ctx: StepContext, path: string): Promise<{ text: string; kept: KeptFile } | undefined> {
  const info = await ctx.host.stat(path, { signal: ctx.signal });
  if (!info) return undefined;
  const kept = await keepFile(ctx, info);
  return { text: kept.text?.reveal() ?? '', kept };
}

function modulesText({ modules }: Modprobe): string {
  return [hostMarks.generated, ...modules, ''].join('\n');
}

function sysctlText(values: ReadonlyMap<string, string>): string {
  return [hostMarks.generated, ...[...values].map(([key, value]) => `${key} = ${value}`), ''].join('\n');
}

function wantedValues({ values }: Sysctl): ReadonlyMap<string, string> {
  return new Map(Object.entries(values).map(([key, value]) => [key, String(value).trim().replace(/\s+/g, ' ')]));
}

/** `net.ipv4.conf.eth0/1.forwarding`: dots part directories, a slash stands for a dot in a name. */
export function procPath(key: string): string {
  return `/proc/sys/${key.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'))}`;
}

function lastLines(text: string): string[] {
  return text.trim().split('\n').slice(-5);
}
