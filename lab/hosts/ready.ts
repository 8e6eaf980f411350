import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../src/errors/index.js';
import { ensureMachinePackages } from './packages.js';

/** Linux, root and overlayfs, or at once an error that says what to do; then the machine's packages. */
export async function ensureLabReady({ log }: { log(line: string): void }): Promise<void> {
  if (process.platform !== 'linux') {
    throw new KubexmError(
      'LAB_UNSUPPORTED',
      `the lab makes its hosts with Linux namespaces; this is ${process.platform}`,
      {
        hint: 'run it on a Linux machine or in a Linux virtual machine',
      },
    );
  }
  if (process.getuid?.() !== 0) {
    throw new KubexmError('LAB_UNSUPPORTED', 'the lab needs root: it mounts file systems and makes network links', {
      hint: 'sudo ./kubexm lab up',
    });
  }
  if (process.arch !== 'x64') {
    throw new KubexmError('LAB_UNSUPPORTED', `the lab's images are for amd64; this machine is ${process.arch}`);
  }
  await ensureMachinePackages(log);
  const fileSystems = await readFile('/proc/filesystems', 'utf8');
  if (!/\boverlay$/m.test(fileSystems)) {
    throw new KubexmError('LAB_UNSUPPORTED', 'this kernel has no overlayfs', { hint: 'modprobe overlay' });
  }
}
