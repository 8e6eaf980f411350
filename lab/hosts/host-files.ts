import { createHash } from 'node:crypto';
import { labNetwork, type PlannedHost } from './address-plan.js';

/** Started as PID 1 instead of systemd, which it becomes: see hostInit. */
export const initPath = '/usr/local/lib/kubexm-lab/init';

/**
 * Where the cgroups are v1, systemd-nspawn hands their controllers over read-only; systemd must find them writable when it starts, or it
 * leaves units and pods without limits. Mounts are shared as on a real host, so that pods' mount propagation works.
 */
export const hostInit = `#!/bin/sh
for controller in cpu cpuacct cpuset memory pids blkio devices freezer; do
  dir=/sys/fs/cgroup/$controller
  [ ! -d "$dir" ] || mount -o remount,bind,rw,nosuid,nodev,noexec "$dir" "$dir"
done
mount --make-rshared /
exec /usr/lib/systemd/systemd
`;

/** The host's address comes from inside, so a reboot of the host brings it back. */
export const networkUnit = `[Unit]
Description=Address and default route of the lab
DefaultDependencies=no
Before=network-pre.target sysinit.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/kubexm-lab/network
ExecStart=ip address replace \${ADDRESS} dev host0
ExecStart=ip link set host0 up
ExecStart=ip route replace default via \${GATEWAY}

[Install]
WantedBy=sysinit.target
`;

/** Files that only this host has: path → text. machine-id stays the same over resets, as a disk image's would. */
export function hostFiles({ name, address }: PlannedHost): Readonly<Record<string, string>> {
  return {
    '/etc/hostname': `${name}\n`,
    '/etc/hosts': `127.0.0.1\tlocalhost\n127.0.1.1\t${name}\n::1\tlocalhost ip6-localhost ip6-loopback\n`,
    '/etc/machine-id': `${createHash('md5').update(`kubexm-lab/${name}`).digest('hex')}\n`,
    '/etc/kubexm-lab/network': `ADDRESS=${address}/${labNetwork.prefixLength}\nGATEWAY=${labNetwork.gateway}\n`,
  };
}
