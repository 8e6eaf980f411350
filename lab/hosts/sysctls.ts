import { readFile, writeFile } from 'node:fs/promises';

/**
 * Kernel settings that no namespace keeps apart: a host that sets one sets it for the machine. Cluster baselines, the kubelet and the hosts' own
 * systemd write these.
 */
const shared = [
  'vm.max_map_count',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'vm.swappiness',
  'vm.dirty_ratio',
  'vm.dirty_background_ratio',
  'vm.min_free_kbytes',
  'vm.vfs_cache_pressure',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.pid_max',
  'kernel.threads-max',
  'kernel.core_pattern',
  'kernel.sysrq',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
  'kernel.softlockup_panic',
  'kernel.hung_task_timeout_secs',
  'kernel.dmesg_restrict',
  'kernel.printk',
  'kernel.watchdog_thresh',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'fs.inotify.max_queued_events',
  'fs.file-max',
  'fs.nr_open',
  'fs.aio-max-nr',
  'fs.may_detach_mounts',
  'fs.pipe-max-size',
  'fs.protected_hardlinks',
  'fs.protected_symlinks',
  'fs.protected_fifos',
  'fs.protected_regular',
  'fs.suid_dumpable',
  'net.netfilter.nf_conntrack_max',
  'net.core.bpf_jit_enable',
  'net.ipv4.ip_forward',
];

export type Sysctls = Readonly<Record<string, string>>;

/** The values of now; a setting that this kernel does not have is left out. */
export async function readSysctls(names: readonly string[] = shared): Promise<Sysctls> {
  const found = await Promise.all(
    names.map(async (name) => [name, await readFile(pathOf(name), 'utf8').catch(() => undefined)]),
  );
  return Object.fromEntries(
    found.flatMap(([name, value]) => (name && value !== undefined ? [[name, value.trim()]] : [])),
  );
}

/** Writes back what differs. Returns what it changed and what it could not, as lines for a person. */
export async function restoreSysctls(before: Sysctls): Promise<readonly string[]> {
  const now = await readSysctls(Object.keys(before));
  const lines: string[] = [];
  for (const [name, value] of Object.entries(before)) {
    if (now[name] === value) continue;
    const failed = await writeFile(pathOf(name), value).then(
      () => '',
      (error: Error) => ` failed: ${error.message}`,
    );
    lines.push(`${name}: ${now[name]} put back to ${value}${failed}`);
  }
  return lines;
}

function pathOf(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}
