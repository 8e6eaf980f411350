import { sectionMark } from './facts-script.js';

/** What a fresh Debian 13 host answered to the facts script. */
const debian13: Readonly<Record<string, string>> = {
  time: '1795433935114917971',
  uid: '0',
  hostname: 'node1',
  os: `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
DEBIAN_VERSION_FULL=13.8
ID=debian
HOME_URL="https://www.debian.org/"`,
  arch: 'x86_64',
  kernel: '6.12.43+deb13-amd64',
  cgroup: 'cgroup2fs',
  cpus: '2',
  memory: 'MemTotal:       24684096 kB',
  swap: 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority',
  'machine-id': 'fc70688f720c5c887799607714076d5d',
  'product-uuid': '4C4C4544-0042-3510-8051-B4C04F4A4332',
  packages: '/usr/bin/apt-get',
  init: 'systemd',
  selinux: '',
  firewalld: '',
  ufw: '',
  addresses: `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: host0    inet 10.99.0.11/24 scope global host0\\       valid_lft forever preferred_lft forever`,
  mtu: 'host0 1500\nlo 65536',
  route: 'default via 10.99.0.1 dev host0 ',
  disks: '17022823 4096 /dev/vda1 /\n17022823 4096 /dev/vda1 /var/lib/etcd',
  listening: `LISTEN 0      128    0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=85,fd=6))
LISTEN 0      128       [::]:22    [::]:* users:(("sshd",pid=85,fd=7))`,
  tcp: '',
  commands: 'tar\nsystemctl',
  leftovers: '',
  resolv: 'nameserver 10.99.0.1',
  sshd: 'maxsessions 10',
  'time-end': '1795433935147686694',
  end: '',
};

/** The answer of a host that differs from that one in some sections. */
export function factsSample(differing: Readonly<Record<string, string>> = {}): string {
  const sections = Object.entries({ ...debian13, ...differing });
  return sections.map(([name, text]) => `${sectionMark}${name}\n${text === '' ? '' : `${text}\n`}`).join('');
}
