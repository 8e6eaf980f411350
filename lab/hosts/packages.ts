import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { KubexmError } from '../../src/errors/index.js';
import { run } from './command.js';

/** What the machine itself needs: a path, or a command on PATH → the Debian package that has it. */
const needed: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  tc: 'iproute2',
  iptables: 'iptables',
  depmod: 'kmod',
  'ssh-keygen': 'openssh-client',
  nsenter: 'util-linux',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

/** Installs the machine's missing packages through apt-get, and says which. */
export async function ensureMachinePackages(log: (line: string) => void): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  const byHand = `apt-get install -y ${missing.join(' ')}`;
  if (!(await exists('apt-get'))) {
    throw new KubexmError('LAB_UNSUPPORTED', `the lab needs ${missing.join(', ')}, and this machine has no apt-get`, {
      hint: 'install these with the package manager of this machine',
    });
  }
  log(`installing on this machine: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run(['apt-get', ...wait, 'update', '-q'], { env });
  const result = await run(['apt-get', ...wait, 'install', '-q', '-y', '--no-install-recommends', ...missing], { env });
  const still = await missingPackages();
  if (still.length > 0) {
    throw new KubexmError('PACKAGES_FAILED', `apt-get did not install ${still.join(', ')}`, {
      hint: byHand,
      details: result.stderr.trim().split('\n').slice(-8),
    });
  }
}

async function missingPackages(): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(needed).map(async ([what, name]) => ((await exists(what)) ? undefined : name)),
  );
  return [...new Set(found.filter((name) => name !== undefined))];
}

async function exists(what: string): Promise<boolean> {
  const directories = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  const places = what.startsWith('/') ? [what] : directories.map((directory) => join(directory, what));
  const found = await Promise.all(
    places.map((place) =>
      access(place).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
