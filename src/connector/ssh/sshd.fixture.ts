import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestKey, testKey } from './keys.fixture.js';

const sshdPath = '/usr/sbin/sshd';

/** Why tests with a real sshd cannot be run here; undefined where they can. */
export const sshdMissing = existsSync(sshdPath) ? undefined : 'skipped: apt-get install openssh-server';

/** A real sshd with keys and settings of its own. */
export interface RealSshd {
  readonly port: number;
  readonly user: string;
  /** Lets the user of this process in. */
  readonly key: TestKey;
  readonly hostKey: TestKey;
  /** Empty, and removed with the server. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** Starts sshd on a free loopback port; `settings` are lines of sshd_config. */
export async function realSshd(settings: readonly string[] = []): Promise<RealSshd> {
  const directory = await mkdtemp(join(tmpdir(), 'kubexm-sshd-'));
  const hostKey = await testKey(directory, 'host_key');
  const key = await testKey(directory, 'login_key');
  const port = await freePort();
  await writeFile(join(directory, 'authorized_keys'), `${key.publicKey}\n`, { mode: 0o600 });
  const config = [
    ...settings, // sshd takes the first of equal settings
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey.path}`,
    `PidFile ${join(directory, 'pid')}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    // bash under sshd reads ~/.bashrc, which may be slow or print, unless it believes to be inside another shell.
    'SetEnv SHLVL=2',
  ];
  await writeFile(join(directory, 'sshd_config'), `${config.join('\n')}\n`);
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const sshd = spawn(sshdPath, ['-D', '-e', '-f', join(directory, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const log: string[] = [];
  sshd.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  await listening(port, sshd, log);
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => {
      // Not 'close': sessions that are still open hold its stderr.
      sshd.once('exit', resolve);
    });
    sshd.kill();
    await ended;
    await rm(directory, { recursive: true });
  };
  return { port, user: userInfo().username, key, hostKey, directory, stop };
}

async function listening(port: number, sshd: ChildProcess, log: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (sshd.exitCode !== null) break;
    if (await answers(port)) return;
    await sleep(50);
  }
  throw new Error(`sshd did not start: ${log.join('')}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
