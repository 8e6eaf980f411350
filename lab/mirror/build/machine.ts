import { existsSync } from 'node:fs';
import { KubexmError } from '../../../src/errors/index.js';
import { debianMirror } from '../../hosts/apt-source.js';
import { mustRun, run } from '../../hosts/command.js';

/** A file that tells that a Debian package of the machine is there. */
const neededPackages: readonly { readonly package: string; readonly provides: readonly string[] }[] = [
  { package: 'gcc', provides: ['/usr/bin/gcc'] },
  { package: 'libc6-dev', provides: ['/usr/include/stdlib.h'] },
  { package: 'libseccomp-dev', provides: ['/usr/include/seccomp.h'] },
  { package: 'pkg-config', provides: ['/usr/bin/pkg-config'] },
  { package: 'mmdebstrap', provides: ['/usr/bin/mmdebstrap'] },
  { package: 'apt-utils', provides: ['/usr/bin/apt-ftparchive'] },
  { package: 'debian-archive-keyring', provides: ['/usr/share/keyrings/debian-archive-keyring.gpg'] },
];

const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };

/** Throws at once, with what to do, where the mirror cannot be built. */
export async function requireBuildMachine(): Promise<void> {
  if (process.platform !== 'linux') {
    throw new KubexmError('LAB_UNSUPPORTED', `the lab needs Linux, this is ${process.platform}`, {
      hint: 'run it on a Debian machine or in a virtual one',
      retryable: false,
    });
  }
  if (process.getuid?.() !== 0) {
    throw new KubexmError('LAB_UNSUPPORTED', 'the lab needs root', {
      hint: 'run the same command with sudo',
      retryable: false,
    });
  }
  try {
    await mustRun(['go', 'version']);
  } catch (cause) {
    throw new KubexmError('LAB_GO_MISSING', 'the lab builds Kubernetes from source and found no go', {
      hint: 'install Go 1.26 or newer (https://go.dev/dl) and put it on the PATH',
      retryable: false,
      cause,
    });
  }
}

/** Installs the packages that the builds need and the machine has not, saying which. */
export async function installBuildPackages(log: (line: string) => void): Promise<void> {
  const missing = neededPackages.filter(({ provides }) => !provides.every((file) => existsSync(file)));
  if (missing.length === 0) return;
  const names = missing.map((needed) => needed.package);
  if (!existsSync('/usr/bin/apt-get')) {
    throw new KubexmError('LAB_UNSUPPORTED', `the mirror's build needs Debian packages: ${names.join(' ')}`, {
      hint: 'run the lab on Debian or Ubuntu',
      retryable: false,
    });
  }
  log(`installing on this machine: ${names.join(' ')}`);
  const apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  // Another update may be under way, or one of several sources may be out of reach: the installation tells.
  await run([...apt, 'update'], { env: aptEnvironment });
  await mustRun([...apt, 'install', '-y', '--no-install-recommends', ...names], { env: aptEnvironment });
}

/** Where this machine gets Debian from; its lists of packages are fetched first if it has none yet. */
export async function debianRepository(): Promise<string> {
  return debianMirror().catch(async () => {
    await mustRun(['apt-get', 'update', '-q'], { env: aptEnvironment });
    return debianMirror();
  });
}
