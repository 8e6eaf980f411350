import { KubexmError, unreachable } from '../../errors/index.js';
import { type CommandResult, type PackageManager, type ShellCommand, sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { packageFailure } from './package-failure.js';
import type { PackageSpec } from './params.js';

/** How long another package manager's lock is waited for. Unattended upgrades may take that long. */
const lockWaitMs = 600_000;
/** How long apt waits by itself at a time; it says who holds the lock only when it gives up. */
const aptLockSeconds = 15;

/** What is installed of the packages asked for, by name. */
export interface PackageState {
  readonly manager: PackageManager;
  readonly installed: ReadonlyMap<string, InstalledPackage>;
}

export interface InstalledPackage {
  readonly version: string;
  /** `config`: removed, with its configuration files still there. */
  readonly state: 'installed' | 'config';
}

/** One round trip: which manager the host has, and which of these packages are there. */
export async function packageState(
  { host, signal }: StepContext,
  names: readonly string[],
  manager: PackageManager | undefined,
): Promise<PackageState> {
  const result = await host.tryRun(stateCommand(names, manager), { signal });
  if (result.exitCode === 69) {
    throw new KubexmError('HOST_UNSUPPORTED', `${host.name} has none of apt, dnf, yum and zypper`, {
      hint: `install ${names.join(' ')} by hand`,
      retryable: false,
    });
  }
  const [first = '', ...lines] = result.stdout.split('\n');
  if (result.exitCode !== 0 || !isManager(first)) {
    throw new KubexmError('PACKAGES_FAILED', `${host.name}: cannot read which packages are installed`, {
      details: result.stderr.trim().split('\n').slice(-5),
      hint: first === 'apt' ? `on ${host.name}: dpkg --audit` : `on ${host.name}: rpm --rebuilddb`,
    });
  }
  const installed = new Map<string, InstalledPackage>();
  for (const line of lines) {
    const [status = '', name = '', version = ''] = line.split('\t');
    if (status[1] === 'c') installed.set(name, { version, state: 'config' });
    else if (status[1] === 'i') installed.set(name, { version, state: 'installed' });
  }
  return { manager: first, installed };
}

/** Runs the manager without questions. While another one holds its lock, waits and tries again. */
export async function runManager(
  ctx: StepContext,
  manager: PackageManager,
  args: readonly string[],
): Promise<CommandResult> {
  const { host, signal } = ctx;
  let holder: string | undefined;
  const attempt = async () => {
    const result = await host.tryRun(managerCommand(manager, args), { signal, long: true });
    const isLocked = !succeeded(manager, result) && saysLocked(manager, result);
    const holds = isLocked ? lockHolder(result) : undefined;
    if (holds !== undefined && holds !== holder) ctx.log('info', `waiting for another package manager: ${holds}`);
    holder = holds ?? holder;
    return { done: !isLocked, result };
  };
  const { result } = await pollUntil(attempt, { timeoutMs: lockWaitMs, intervalMs: 2000, signal });
  if (!succeeded(manager, result)) throw packageFailure(host.name, manager, result);
  return result;
}

/** `name`, or `name=version` in the manager's own way. */
export function packageWord(manager: PackageManager, spec: PackageSpec): string {
  if (typeof spec === 'string') return spec;
  return `${spec.name}${manager === 'apt' || manager === 'zypper' ? '=' : '-'}${spec.version}`;
}

export function packageName(spec: PackageSpec): string {
  return typeof spec === 'string' ? spec : spec.name;
}

/** Those that are not installed, or in another version. */
export function missingPackages({ installed }: PackageState, specs: readonly PackageSpec[]): PackageSpec[] {
  return specs.filter((spec) => {
    const found = installed.get(packageName(spec));
    if (found?.state !== 'installed') return true;
    return typeof spec !== 'string' && !isVersion(found.version, spec.version);
  });
}

function isVersion(found: string, wanted: string): boolean {
  // rpm versions are compared without the epoch, which nobody writes.
  const candidates = [found, found.replace(/^\d+:/, '')];
  return candidates.some((version) =>
    wanted.endsWith('*') ? version.startsWith(wanted.slice(0, -1)) : version === wanted,
  );
}

/** Prints the manager, then a line `status TAB name TAB version` each; the status as dpkg writes it. */
function stateCommand(names: readonly string[], manager: PackageManager | undefined): ShellCommand {
  return sh`manager=${manager ?? ''}
[ -n "$manager" ] || for found in apt-get dnf yum zypper; do
  command -v $found > /dev/null && { manager=\${found%-get}; break; }
done
[ -n "$manager" ] || exit 69
echo "$manager"
if [ "$manager" = apt ]; then
  for name in ${names}; do
    why=$(dpkg-query -W -f='\${db:Status-Abbrev}\\t\${Package}\\t\${Version}\\n' "$name" 2>&1) && echo "$why" && continue
    case $why in *'no packages found'*) ;; *) echo "$why" >&2; exit 1 ;; esac
  done
else
  for name in ${names}; do
    why=$(rpm -q --qf 'ii\\t%{NAME}\\t%{VERSION}-%{RELEASE}\\n' "$name" 2>&1) && echo "$why" && continue
    case $why in *'is not installed'*) ;; *) echo "$why" >&2; exit 1 ;; esac
  done
fi`;
}

function managerCommand(manager: PackageManager, args: readonly string[]): ShellCommand {
  switch (manager) {
    case 'apt':
      // needrestart would restart services of its own choice in the middle of an installation.
      return sh`DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y -o DPkg::Lock::Timeout=${aptLockSeconds} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold ${args}`;
    case 'dnf':
    case 'yum':
      return sh`${manager} -q -y ${args}`;
    case 'zypper':
      return sh`zypper --non-interactive --quiet ${args}`;
    default:
      return unreachable(manager);
  }
}

/** zypper's codes from 100 to 103 say that all went well and that updates or a restart are due. */
function succeeded(manager: PackageManager, { exitCode }: CommandResult): boolean {
  return exitCode === 0 || (manager === 'zypper' && exitCode >= 100 && exitCode <= 103);
}

function saysLocked(manager: PackageManager, { exitCode, stderr, stdout }: CommandResult): boolean {
  if (manager === 'zypper') return exitCode === 7;
  return /Could not get lock|Unable to lock|Unable to acquire the dpkg frontend lock|holding the (yum|dnf) lock/.test(
    stderr + stdout,
  );
}

/** `process 812 (unattended-upgr)`, as far as the manager tells. */
function lockHolder({ stderr, stdout }: CommandResult): string {
  const output = stderr + stdout;
  return (
    /process \d+(?: \([^)]*\))?/.exec(output)?.[0] ??
    /application with pid \d+[^\n]*|The PID (\d+)[^\n]*/i.exec(output)?.[0] ??
    'it does not say which'
  );
}

function isManager(word: string): word is PackageManager {
  return ['apt', 'dnf', 'yum', 'zypper'].includes(word);
}
