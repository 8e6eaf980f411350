import type { Host } from '../apis/kubexms/v1alpha1/index.js';
import type { HostFacts } from '../runner/index.js';

/**
 * Facts of a host that nobody asked: a machine as kubexm wants it, with nothing on it. The architecture is the config's,
 * else amd64. For plans that show structure; what identifies a host stays empty, so that no two hosts look alike.
 */
export function assumedFacts({ name, arch }: Pick<Host, 'name' | 'arch'>): HostFacts {
  return {
    hostname: name,
    os: { id: '', idLike: [], version: '', name: '' },
    arch: arch ?? 'amd64',
    kernel: '',
    cgroup: 'v2',
    cpus: 0,
    memoryBytes: 0,
    swap: false,
    machineId: '',
    productUuid: '',
    packageManager: undefined,
    initSystem: 'systemd',
    selinux: 'disabled',
    firewall: 'none',
    ipv4: [],
    defaultInterface: undefined,
    clockSkewMs: 0,
    freeBytes: {},
    fileSystems: {},
    listening: [],
    commands: [],
    leftovers: [],
    sudo: 'root',
    resolvConf: [],
    sshMaxSessions: undefined,
  };
}
