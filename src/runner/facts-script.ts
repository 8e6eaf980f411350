import { quote } from './shell.js';

/** What an installation of Kubernetes leaves behind, kubexm's or another's. */
const leftoverPaths = [
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/kubelet.conf',
  '/etc/kubernetes/manifests/*',
  '/etc/kubernetes/pki/*',
  '/var/lib/etcd/member',
  '/etc/etcd/etcd.yaml',
  '/etc/etcd.env',
  '/var/lib/kubelet/config.yaml',
  '/etc/cni/net.d/*',
  '/etc/containerd/config.toml',
  '/etc/docker/daemon.json',
  '/etc/systemd/system/kubelet.service',
  '/etc/systemd/system/etcd.service',
  '/etc/systemd/system/containerd.service',
  '/usr/local/bin/kubelet',
  '/usr/local/bin/k3s',
  '/var/lib/rancher',
  '/var/lib/k0s',
];

/** Begins each section of the output. */
export const sectionMark = '@@kubexm ';

/**
 * One script for all facts. Sections hold what the host itself prints, so that the parser sees the original. Times come first and
 * last: both ends of the round trip tell of the clock.
 */
export function factsScript({
  diskPaths,
  commands,
  leftovers = [],
}: {
  readonly diskPaths: readonly string[];
  readonly commands: readonly string[];
  readonly leftovers?: readonly string[];
}): string {
  const sections: readonly (readonly [string, string])[] = [
    ['time', 'date +%s%N'],
    ['uid', 'id -u'],
    ['hostname', 'cat /proc/sys/kernel/hostname'],
    ['os', 'cat /etc/os-release || cat /usr/lib/os-release'],
    ['arch', 'uname -m'],
    ['kernel', 'uname -r'],
    ['cgroup', 'stat -fc %T /sys/fs/cgroup'],
    ['cpus', 'nproc'],
    ['memory', 'grep MemTotal: /proc/meminfo'],
    ['swap', 'cat /proc/swaps'],
    ['machine-id', 'cat /etc/machine-id'],
    ['product-uuid', 'cat /sys/class/dmi/id/product_uuid'],
    ['packages', 'for c in apt-get dnf yum zypper; do command -v $c; done'],
    ['init', '[ -d /run/systemd/system ] && echo systemd'],
    ['selinux', 'cat /sys/fs/selinux/enforce'],
    ['firewalld', 'command -v firewall-cmd >/dev/null && systemctl is-active firewalld'],
    ['ufw', 'grep -s ^ENABLED= /etc/ufw/ufw.conf'],
    ['addresses', 'ip -4 -o addr show'],
    ['mtu', 'for i in /sys/class/net/*; do read m < $i/mtu && echo "${i##*/} $m"; done'],
    ['route', 'ip -4 route show default'],
    ['disks', `for p in ${diskPaths.map(quote).join(' ')}; do ${freeOf}; done`],
    ['listening', 'ss -H -ltnp'],
    ['tcp', 'command -v ss >/dev/null || cat /proc/net/tcp /proc/net/tcp6'],
    ['commands', `for c in ${commands.map(quote).join(' ')}; do command -v "$c" >/dev/null && echo "$c"; done`],
    [
      'leftovers',
      `for p in ${[...leftoverPaths, ...leftovers.filter((path) => !leftoverPaths.includes(path)).map(quote)].join(' ')}; do [ -e "$p" ] && echo "$p"; done`,
    ],
    ['resolv', 'cat /etc/resolv.conf'],
    ['sshd', '[ "$(id -u)" = 0 ] && s=$(command -v sshd || echo /usr/sbin/sshd) && $s -T | grep -i ^maxsessions'],
    ['time-end', 'date +%s%N'],
  ];
  const lines = sections.map(([name, command]) => `echo '${sectionMark}${name}'; { ${command}; } 2>/dev/null`);
  return `${lines.join('\n')}\necho '${sectionMark}end'`;
}

/**
 * Free blocks, their size, the file system. Of a directory that does not exist yet, those of the nearest one above it that does.
 * Subvolumes of btrfs have device numbers of their own, but share their device and its room; without a device (overlay,
 * tmpfs) the number tells.
 */
const freeOf = [
  'q=$p; while [ ! -e "$q" ] && [ "$q" != / ]; do q=${q%/*}; q=${q:-/}; done',
  's=$(df --output=source "$q" | tail -n 1); case $s in /dev/*) ;; *) s=$(stat -c %d "$q") ;; esac',
  'echo "$(stat -fc "%a %S" "$q") ${s:-?} $p"',
].join('; ');
