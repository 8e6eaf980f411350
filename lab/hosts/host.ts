import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { KubexmError } from '../../src/errors/index.js';
import type { PlannedHost } from './address-plan.js';
import { cgroupVersion, removeCgroups } from './cgroups.js';
import { execIn, findInit, runningLauncher } from './exec.js';
import { hostFiles } from './host-files.js';
import { machineModules } from './kernel.js';
import { dataDirs, launchCommand, launchScript } from './launcher.js';
import { removeLink } from './network.js';
import { hostPaths, statePaths } from './paths.js';
import { alive, childrenOf, identify, killNow } from './process-id.js';
import { writeJson } from './record.js';
import { installHostKey } from './ssh-keys.js';
import { until } from './until.js';

const bootTimeoutMs = 60_000;

/** Starts the host with the disk it has, a fresh one where it has none, and waits until its systemd has started everything. */
export async function startHost(host: PlannedHost): Promise<void> {
  const { name } = host;
  const paths = hostPaths(name);
  if (!(await runningLauncher(name))) {
    await cutPower(name); // what an earlier run may have left
    await makeDisk(host);
    const cgroups = await cgroupVersion();
    await writeFile(paths.launcher, launchScript({ name, cgroups, modulesDir: await machineModules() }));
    const systemd = await access('/run/systemd/system').then(
      () => true,
      () => false,
    );
    await writeJson(
      paths.process,
      await launch({ argv: launchCommand({ name, cgroups, systemd }), output: paths.console }),
    );
  }
  await booted(host);
}

/** As if the power were cut: nothing in the host gets to finish anything. Its disk stays. */
export async function cutPower(name: string): Promise<void> {
  const launcher = await runningLauncher(name);
  const init = await findInit(name);
  if (launcher) {
    const supervisors = await childrenOf(launcher.pid);
    for (const pid of [launcher.pid, ...supervisors, ...(init === undefined ? [] : [init])]) killNow(pid);
    await until(`${name} to be gone`, 10_000, async () => !(await alive(launcher)));
  }
  await removeCgroups(name);
  await removeLink(name);
  await rm(hostPaths(name).process, { force: true });
}

/** Takes the host's disk away at once; its files are deleted in the background. */
export async function discardDisk(name: string): Promise<void> {
  await mkdir(statePaths.trash, { recursive: true });
  const trash = join(statePaths.trash, `${name}-${randomBytes(4).toString('hex')}`);
  const moved = await rename(hostPaths(name).dir, trash).then(
    () => true,
    () => false,
  );
  if (moved) spawn('nice', ['rm', '-rf', trash], { detached: true, stdio: 'ignore' }).unref();
}

async function makeDisk(host: PlannedHost): Promise<void> {
  const paths = hostPaths(host.name);
  if (
    await access(join(paths.upper, 'etc/hostname')).then(
      () => true,
      () => false,
    )
  )
    return;
  for (const dir of [paths.work, paths.merged, ...dataDirs.map((part) => join(paths.data, part))])
    await mkdir(dir, { recursive: true });
  await installHostKey(host.name, join(paths.upper, 'etc/ssh'));
  for (const [path, text] of Object.entries(hostFiles(host))) {
    const target = join(paths.upper, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}

async function launch({ argv, output }: { argv: readonly string[]; output: string }) {
  const [program = '', ...args] = argv;
  const log = await open(output, 'a');
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    const process = child.pid === undefined ? undefined : await identify(child.pid);
    if (process) return process;
    throw new KubexmError('LAB_FAILED', `${program} ended at once`, { details: await lastLines(output) });
  } finally {
    await log.close();
  }
}

async function booted({ name, address }: PlannedHost): Promise<void> {
  const failed = async (message: string) =>
    new KubexmError('LAB_FAILED', `lab host ${name} ${message}`, {
      details: await lastLines(hostPaths(name).console),
      hint: `less ${hostPaths(name).console}`,
    });
  let ended = false;
  await until(`${name} to answer`, bootTimeoutMs, async () => {
    ended = !(await runningLauncher(name));
    return ended || (await greets(address));
  }).catch(async () => Promise.reject(await failed(`did not answer on ${address}:22`)));
  const init = await findInit(name);
  if (ended || init === undefined) throw await failed('ended while it booted');
  const { stdout } = await execIn(init, ['systemctl', 'is-system-running', '--wait'], { timeoutMs: bootTimeoutMs });
  if (!['running', 'degraded'].includes(stdout.trim()))
    throw await failed(`says of itself: ${stdout.trim() || 'nothing'}`);
}

/** True when an ssh server says its name there. */
function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(500, () => answer(false));
    socket.once('error', () => answer(false)).once('data', (data) => answer(data.toString().startsWith('SSH-')));
  });
}

async function lastLines(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-12);
}
