import { chmod, chown, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { labNetwork } from './address-plan.js';
import { hostInit, initPath, networkUnit } from './host-files.js';
import { machineModules, writeBuiltinModules } from './kernel.js';
import { statePaths } from './paths.js';

/** uid and gid of the first user that useradd makes. */
const opsId = 1000;

/** Puts what all hosts of this lab share, but the cached root filesystem must not hold, into one overlay layer. */
export async function writeLayer({ rootfs, aptSource }: { rootfs: string; aptSource: string }): Promise<void> {
  await rm(statePaths.layer, { recursive: true, force: true });
  await rm(statePaths.rootfs, { force: true });
  await symlink(rootfs, statePaths.rootfs);
  const put = async (path: string, content: string, mode = 0o644) => {
    const target = join(statePaths.layer, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode });
    await chmod(target, mode);
  };
  const authorized = await readFile(statePaths.publicKey, 'utf8');
  await put(initPath, hostInit, 0o755);
  await put('/etc/systemd/system/lab-network.service', networkUnit);
  await put('/etc/resolv.conf', `nameserver ${labNetwork.gateway}\n`);
  // The kernel's log is the machine's: hosts would note each other's first messages in their journals.
  await put('/etc/systemd/journald.conf.d/kubexm-lab.conf', '[Journal]\nReadKMsg=no\n');
  await put('/etc/apt/sources.list', `${aptSource}\n`);
  await put('/root/.ssh/authorized_keys', authorized, 0o600);
  await put('/home/ops/.ssh/authorized_keys', authorized, 0o600);
  for (const path of ['root', 'root/.ssh', 'home/ops', 'home/ops/.ssh'])
    await chmod(join(statePaths.layer, path), 0o700);
  for (const path of ['home/ops', 'home/ops/.ssh', 'home/ops/.ssh/authorized_keys']) {
    await chown(join(statePaths.layer, path), opsId, opsId);
  }
  const wants = join(statePaths.layer, 'etc/systemd/system/sysinit.target.wants');
  await mkdir(wants, { recursive: true });
  await symlink('../lab-network.service', join(wants, 'lab-network.service'));
  if (!(await machineModules())) await writeBuiltinModules(join(statePaths.layer, 'usr'));
}
