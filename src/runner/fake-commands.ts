import type { CommandResult, ServiceState } from './types.js';

/** What emulated commands read and change. */
export interface Emulated {
  readonly services: Map<string, ServiceState>;
  readonly packages: Set<string>;
  readonly modules: Set<string>;
  readonly sysctls: Map<string, string>;
}

type Command = (host: Emulated, words: readonly string[], now: () => number) => CommandResult | undefined;

/**
 * Does what a few commands do, as far as tests of steps need it: systemctl, modprobe, sysctl -w/-n, apt-get, dnf, yum, zypper and
 * dpkg-query/rpm -q. Commands joined by && run until one fails. Undefined for everything else.
 */
export function emulate(host: Emulated, text: string, now: () => number): CommandResult | undefined {
  let last: CommandResult | undefined;
  for (const simple of text.split('&&')) {
    const words = wordsOf(simple);
    const command = words === undefined ? undefined : emulated.get(words[0] ?? '');
    last = command && words ? command(host, words.slice(1), now) : undefined;
    if (last === undefined || last.exitCode !== 0) return last;
  }
  return last;
}

const emulated = new Map<string, Command>([
  ['systemctl', systemctl],
  ['modprobe', (host, words) => modprobe(host, words)],
  ['sysctl', (host, words) => sysctl(host, words)],
  ['apt-get', (host, words) => packageManager(host, words)],
  ['dnf', (host, words) => packageManager(host, words)],
  ['yum', (host, words) => packageManager(host, words)],
  ['zypper', (host, words) => packageManager(host, words)],
  ['rpm', (host, words) => rpm(host, words)],
]);

function systemctl(host: Emulated, words: readonly string[], now: () => number): CommandResult | undefined {
  const [verb, ...units] = words.filter((word) => !word.startsWith('-'));
  if (verb === 'daemon-reload') {
    for (const [unit, state] of host.services) host.services.set(unit, { ...state, needsDaemonReload: false });
    return done();
  }
  for (const unit of units) {
    const key = /\.[a-z]+$/.test(unit) ? unit : `${unit}.service`;
    const state = host.services.get(key);
    if (!state) return failed(5, `Failed to ${verb ?? ''} ${key}: Unit ${key} not found.`);
    const changed = verb === undefined ? undefined : afterVerb(verb, state, words.includes('--now'), now);
    if (!changed) return undefined;
    host.services.set(key, changed);
  }
  return units.length === 0 ? undefined : done();
}

function afterVerb(verb: string, state: ServiceState, andNow: boolean, now: () => number): ServiceState | undefined {
  const since = now();
  const running = { active: 'active', mainPid: since % 30_000, activeSince: since } as const;
  const stopped = { active: 'inactive', mainPid: 0, activeSince: 0 } as const;
  switch (verb) {
    case 'start':
      return state.active === 'active' ? state : { ...state, ...running };
    case 'restart':
      return { ...state, ...running };
    case 'stop':
      return { ...state, ...stopped };
    case 'enable':
      return { ...state, enabled: true, ...(andNow ? running : {}) };
    case 'disable':
      return { ...state, enabled: false, ...(andNow ? stopped : {}) };
    case 'mask':
      return { ...state, load: 'masked', enabled: false };
    case 'unmask':
      return { ...state, load: 'loaded' };
    default:
      return undefined;
  }
}

function modprobe(host: Emulated, words: readonly string[]): CommandResult {
  for (const module of words) if (!module.startsWith('-')) host.modules.add(module);
  return done();
}

function sysctl(host: Emulated, words: readonly string[]): CommandResult | undefined {
  const [flag, ...rest] = words;
  if (flag === '-w') {
    for (const setting of rest) {
      const at = setting.indexOf('=');
      host.sysctls.set(setting.slice(0, at), setting.slice(at + 1));
    }
    return done();
  }
  if (flag !== '-n') return undefined;
  const values = rest.filter((word) => !word.startsWith('-')).map((key) => host.sysctls.get(key));
  if (values.includes(undefined)) return failed(255, 'sysctl: cannot stat: No such file or directory');
  return done(`${values.join('\n')}\n`);
}

function packageManager(host: Emulated, words: readonly string[]): CommandResult | undefined {
  const plain: string[] = [];
  for (const [index, word] of words.entries()) {
    if (!word.startsWith('-') && words[index - 1] !== '-o') plain.push(word);
  }
  const [verb, ...names] = plain;
  if (verb === 'install') for (const name of names) host.packages.add(name.replace(/=.*/, ''));
  else if (verb === 'remove' || verb === 'purge') for (const name of names) host.packages.delete(name);
  else if (verb !== 'update' && verb !== 'makecache' && verb !== 'refresh') return undefined;
  return done();
}

function rpm(host: Emulated, words: readonly string[]): CommandResult | undefined {
  if (words[0] !== '-q') return undefined;
  const names = words.slice(1).filter((word) => !word.startsWith('-'));
  const missing = names.filter((name) => !host.packages.has(name));
  const text = names.map((name) =>
    missing.includes(name) ? `package ${name} is not installed` : `${name}-1-1.x86_64`,
  );
  return { exitCode: missing.length, stdout: `${text.join('\n')}\n`, stderr: '' };
}

/** Words of a simple command without its leading assignments; undefined where the shell would do more than split. */
function wordsOf(command: string): string[] | undefined {
  const plain = command.trim().replace(/\s*(2?>\s*\/dev\/null|2>&1)/g, '');
  if (/[|;<>`$&()']/.test(plain.replace(/'[^']*'/g, ''))) return undefined;
  const words = [...plain.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/['"]/g, ''));
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  return first === -1 ? undefined : words.slice(first);
}

function done(stdout = ''): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function failed(exitCode: number, stderr: string): CommandResult {
  return { exitCode, stdout: '', stderr: `${stderr}\n` };
}
