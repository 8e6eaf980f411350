import type { HostFacts } from './types.js';

/** A healthy, empty Debian 12 machine; what a test cares about goes over it. */
export function fakeFacts(name: string, over: Partial<HostFacts> = {}): HostFacts {
  return {
    hostname: name,
    os: { id: 'debian', idLike: [], version: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
    arch: 'amd64',
    kernel: '6.1.0-35-amd64',
    cgroup: 'v2',
    cpus: 4,
    memoryBytes: 8 * 2 ** 30,
    swap: false,
    machineId: hex32(name),
    productUuid: uuid(hex32(name)),
    packageManager: 'apt',
    initSystem: 'systemd',
    selinux: 'disabled',
    firewall: 'none',
    ipv4: [{ interface: 'eth0', address: '10.99.0.11', prefix: 24, mtu: 1500 }],
    defaultInterface: 'eth0',
    clockSkewMs: 0,
    freeBytes: {},
    fileSystems: {},
    listening: [{ port: 22, address: '0.0.0.0', process: 'sshd' }],
    commands: [],
    leftovers: [],
    sudo: 'root',
    resolvConf: ['10.99.0.1'],
    sshMaxSessions: 10,
    ...over,
  };
}

/** Different for each name, the same in each run. */
function hex32(name: string): string {
  return Buffer.from(name.repeat(16)).toString('hex').slice(0, 32).padEnd(32, '0');
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
