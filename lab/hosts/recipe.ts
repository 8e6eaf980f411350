import { createHash } from 'node:crypto';

/** Login name of the lab's second user: key and password both work, sudo asks for the password. */
export const opsUser = 'ops';
/** For machines that nothing outside of this one can reach. */
export const opsPassword = 'kubexm-lab';

/** The root filesystem of every host: what a freshly installed small Debian server has, and nothing of Kubernetes. */
export const rootfsRecipe = {
  suite: 'trixie',
  packages: [
    'systemd',
    'systemd-sysv',
    'dbus',
    'openssh-server',
    'sudo',
    'passwd',
    'util-linux',
    'mount',
    'hostname',
    'iproute2',
    'iptables',
    'nftables',
    'conntrack',
    'ethtool',
    'socat',
    'ipset',
    'ebtables',
    'iputils-ping',
    'kmod',
    'procps',
    'ca-certificates',
    'curl',
    'tar',
    'gzip',
    'python3-minimal',
    'libnss-myhostname',
  ],
  /** dpkg does not unpack these. */
  excluded: ['/usr/share/man/*', '/usr/share/doc/*', '/usr/share/info/*', '/usr/share/locale/*'],
  /** Shell commands in the new system. ssh host keys, machine-id and package sources are each host's own business. */
  inside: [
    `useradd --create-home --shell /bin/bash --groups sudo ${opsUser}`,
    `echo ${opsUser}:${opsPassword} | chpasswd`,
    'rm -f /etc/ssh/ssh_host_*',
    ': > /etc/machine-id',
    ': > /etc/default/locale',
    ': > /etc/apt/sources.list',
    'rm -f /etc/apt/apt.conf.d/99mmdebstrap /etc/hostname /etc/resolv.conf',
  ],
};

/** Names the cached result: another recipe is another root filesystem. */
export function recipeKey(recipe: unknown = rootfsRecipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12);
}
