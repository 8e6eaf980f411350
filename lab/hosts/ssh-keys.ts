import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from './command.js';
import { cacheDir, statePaths } from './paths.js';

/** The key that logs in to every host of this lab. */
export async function ensureLabKey(): Promise<void> {
  if (await exists(statePaths.publicKey)) return;
  await rm(statePaths.privateKey, { force: true });
  await makeKey(statePaths.privateKey, 'kubexm-lab');
}

/** `ssh-ed25519 AAAA…`. Made once per host name and kept in the cache, so a host is recognised over down and up. */
export async function hostKeyOf(name: string): Promise<string> {
  const dir = join(cacheDir(), 'host-keys', name);
  const key = join(dir, 'ssh_host_ed25519_key');
  if (!(await exists(`${key}.pub`))) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const scratch = join(dir, `making-${process.pid}`);
    await makeKey(scratch, `root@${name}`);
    await rename(scratch, key);
    await rename(`${scratch}.pub`, `${key}.pub`);
  }
  const [type, body] = (await readFile(`${key}.pub`, 'utf8')).trim().split(' ');
  return `${type} ${body}`;
}

/** Puts the host's own keys into its /etc/ssh. */
export async function installHostKey(name: string, etcSsh: string): Promise<void> {
  await hostKeyOf(name);
  await mkdir(etcSsh, { recursive: true });
  const source = join(cacheDir(), 'host-keys', name, 'ssh_host_ed25519_key');
  await copyFile(`${source}.pub`, join(etcSsh, 'ssh_host_ed25519_key.pub'));
  await writeFile(join(etcSsh, 'ssh_host_ed25519_key'), await readFile(source), { mode: 0o600 });
}

async function makeKey(path: string, comment: string): Promise<void> {
  await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
