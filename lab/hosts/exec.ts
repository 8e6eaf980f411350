import { KubexmError } from '../../src/errors/index.js';
import { type CommandOptions, type CommandResult, run } from './command.js';
import { hostPaths } from './paths.js';
import { alive, childrenOf, isNamespaceInit, type ProcessId } from './process-id.js';
import { readJson } from './record.js';

/** The host's launcher, if it runs. */
export async function runningLauncher(name: string): Promise<ProcessId | undefined> {
  const process = await readJson<ProcessId>(hostPaths(name).process);
  return process && (await alive(process)) ? process : undefined;
}

/** The machine's number of the host's PID 1: launcher → systemd-nspawn → init. */
export async function findInit(name: string): Promise<number | undefined> {
  const launcher = await runningLauncher(name);
  if (!launcher) return undefined;
  for (const child of await childrenOf(launcher.pid)) {
    for (const grandchild of await childrenOf(child)) if (await isNamespaceInit(grandchild)) return grandchild;
  }
  return undefined;
}

export async function mustFindInit(name: string): Promise<number> {
  const init = await findInit(name);
  if (init === undefined) {
    throw new KubexmError('LAB_FAILED', `lab host ${name} is not running`, { hint: 'kubexm lab status' });
  }
  return init;
}

/** Runs a command or a shell script in the host, from outside: no ssh, no network, nothing that the host's login settings decide. */
export async function labHostExec(
  name: string,
  command: readonly string[] | string,
  options: Pick<CommandOptions, 'stdin' | 'timeoutMs'> = {},
): Promise<CommandResult> {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  return execIn(await mustFindInit(name), argv, options);
}

export function execIn(init: number, argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const enter = [
    'nsenter',
    '--target',
    String(init),
    '--mount',
    '--uts',
    '--ipc',
    '--net',
    '--pid',
    '--cgroup',
    '--root',
    '--wd',
  ];
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C' };
  return run([...enter, '--', ...argv], { ...options, env });
}
