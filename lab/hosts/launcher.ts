import { join } from 'node:path';
import { labNetwork } from './address-plan.js';
import { cgroupOf } from './cgroups.js';
import { quote } from './command.js';
import { initPath } from './host-files.js';
import { hostPaths, statePaths } from './paths.js';

/** Directories that cannot live on overlayfs, because something mounts an overlay below or syncs to the disk. */
export const dataDirs = ['containerd', 'docker', 'kubelet', 'etcd'] as const;

export interface LaunchOptions {
  readonly name: string;
  readonly cgroups: 1 | 2;
  /** The machine's loadable modules, shown to the host read-only. */
  readonly modulesDir: string | undefined;
}

/**
 * The shell script that is a host's life. It runs in a mount namespace of its own, so the overlay goes away with it, however it ends. systemd-nspawn with
 * --keep-unit ends with 133 when the host reboots and leaves starting it again to its caller.
 */
export function launchScript({ name, cgroups, modulesDir }: LaunchOptions): string {
  const paths = hostPaths(name);
  const nspawn = [
    'systemd-nspawn',
    '--quiet',
    '--register=no',
    '--keep-unit',
    `--machine=${name}`,
    `--directory=${paths.merged}`,
    `--network-bridge=${labNetwork.bridge}`,
    '--capability=all',
    '--private-users=no',
    '--bind=/dev/kmsg',
    '--system-call-filter=@keyring bpf @module',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    ...dataDirs.map((dir) => `--bind=${join(paths.data, dir)}:/var/lib/${dir}`),
    ...(modulesDir === undefined ? [] : [`--bind-ro=${modulesDir}`]),
    ...(cgroups === 1 ? ['--setenv=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'] : []),
    initPath,
  ];
  const layers = `lowerdir=${statePaths.layer}:${statePaths.rootfs},upperdir=${paths.upper},workdir=${paths.work}`;
  return `set -eu
${cgroups === 1 ? enterOwnCgroups(name) : ''}mount -t overlay kubexm-lab -o ${quote(layers)} ${quote(paths.merged)}
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1${cgroups === 1 ? ' SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0' : ''}
while :; do
  status=0
  ${nspawn.map(quote).join(' ')} || status=$?
  [ "$status" = 133 ] || exit "$status"
done
`;
}

/**
 * cgroup v1: an own group in every hierarchy, below the one the lab was started in. A new cpuset has no CPUs until it is given some. The unified one
 * counts too: systemd-nspawn places the host's units in name=systemd where it finds itself in there, and hosts that share that place remove each
 * other's groups.
 */
function enterOwnCgroups(name: string): string {
  return `mine=$(cat /proc/self/cgroup)
while IFS=: read -r _ controllers path; do
  case $controllers in
    name=systemd) controllers=systemd ;;
    '') controllers=unified ;;
    name=*) continue ;;
  esac
  [ -d "/sys/fs/cgroup/$controllers" ] || continue
  parent=/sys/fs/cgroup/$controllers\${path%/}
  own=$parent/${cgroupOf(name)}
  mkdir -p "$own"
  if [ -e "$own/cpuset.cpus" ]; then
    cat "$parent/cpuset.cpus" > "$own/cpuset.cpus"
    cat "$parent/cpuset.mems" > "$own/cpuset.mems"
  fi
  echo $$ > "$own/cgroup.procs"
done <<END
$mine
END
`;
}

/** What starts the script: on cgroup v2 a systemd scope (or a plain group) that the host's own systemd may divide further. */
export function launchCommand({
  name,
  cgroups,
  systemd,
}: {
  name: string;
  cgroups: 1 | 2;
  systemd: boolean;
}): readonly string[] {
  const script = ['unshare', '--mount', '--propagation=private', '/bin/sh', hostPaths(name).launcher];
  if (cgroups === 1) return script;
  if (systemd)
    return [
      'systemd-run',
      '--scope',
      '--quiet',
      `--unit=${cgroupOf(name)}`,
      '--property=Delegate=yes',
      '--',
      ...script,
    ];
  const own = `/sys/fs/cgroup/${cgroupOf(name)}`;
  return ['/bin/sh', '-euc', `mkdir -p ${own}; echo $$ > ${own}/cgroup.procs; exec "$@"`, 'sh', ...script];
}
