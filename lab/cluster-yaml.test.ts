import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type LabClusterOptions, labCluster, labClusterYaml } from './cluster-yaml.js';
import { planHosts } from './hosts/address-plan.js';
import { mirrorVersions, privateRegistry } from './mirror/index.js';

function options(count: number, others: Partial<LabClusterOptions> = {}): LabClusterOptions {
  return {
    hosts: planHosts(count).map((host) => ({ ...host, hostKey: `ssh-ed25519 AAAA${host.name}` })),
    privateKeyPath: '/lab/key',
    sudoPasswordPath: '/lab/password',
    versions: mirrorVersions(),
    mirror: { filesUrl: 'http://10.99.0.1:8080', registry: '10.99.0.1:5000', privateRegistry: '10.99.0.1:5443' },
    ...others,
  };
}

function spec(count: number, others: Partial<LabClusterOptions> = {}) {
  return parse(labClusterYaml(options(count, others))).spec;
}

describe("the lab's cluster.yaml", () => {
  it('is one control plane with etcd and workers, every host key pinned', () => {
    const { hosts, roleGroups, global } = spec(3);
    expect(roleGroups).toEqual({ etcd: ['node1'], 'control-plane': ['node1'], worker: ['node[2:3]'] });
    expect(hosts[1]).toEqual({ name: 'node2', address: '10.99.0.12', hostKey: 'ssh-ed25519 AAAAnode2' });
    expect(global).toEqual({ user: 'root', privateKeyPath: '/lab/key', connectionTimeout: '10s' });
  });

  it('makes the only host everything', () => {
    expect(spec(1).roleGroups).toEqual({ etcd: ['node1'], 'control-plane': ['node1'], worker: ['node1'] });
  });

  it('has three control planes with etcd, and two workers, on five hosts', () => {
    expect(spec(5, { controlPlanes: 3 }).roleGroups).toEqual({
      etcd: ['node[1:3]'],
      'control-plane': ['node[1:3]'],
      worker: ['node[4:5]'],
    });
  });

  it('refuses a topology for which there are not enough hosts', () => {
    expect(() => labCluster(options(2, { controlPlanes: 3 }))).toThrow('no room for this topology');
  });

  it('logs in as a user who must give a password to sudo, by reference', () => {
    expect(spec(1, { login: 'sudo-password' }).global).toMatchObject({
      user: 'ops',
      privateKeyPath: '/lab/key',
      sudoPassword: { file: '/lab/password' },
    });
    expect(spec(1, { login: 'password' }).global).not.toHaveProperty('privateKeyPath');
  });

  it('takes files and images from the mirror', () => {
    const { download, registry } = spec(1);
    expect(download.mirrors['https://dl.k8s.io']).toBe('http://10.99.0.1:8080/dl.k8s.io');
    expect(registry.mirrors['registry.k8s.io']).toEqual(['http://10.99.0.1:5000']);
  });

  it('takes images from the private registry with its login and CA, by reference', () => {
    const registry = privateRegistry('10.99.0.1:5443', '/state');
    expect(spec(1, { privateRegistry: registry }).registry).toEqual({
      mirrors: {
        'docker.io': ['https://10.99.0.1:5443'],
        'registry.k8s.io': ['https://10.99.0.1:5443'],
        'ghcr.io': ['https://10.99.0.1:5443'],
      },
      auths: { '10.99.0.1:5443': { username: 'kubexm', password: { file: '/state/private-registry/password' } } },
      caFiles: { '10.99.0.1:5443': '/state/private-registry/ca.pem' },
    });
  });

  it('lets a kubelet run on cgroup v1 from the version on that refuses it', () => {
    const kubelet = (kubernetes: string) =>
      spec(1, { versions: { ...mirrorVersions(), kubernetes } }).kubernetes.kubelet.extraConfig;
    expect(kubelet('v1.35.4')).toMatchObject({ failCgroupV1: false });
    expect(kubelet('v1.34.5')).not.toHaveProperty('failCgroupV1');
  });

  it("does not evict for the share of the machine's disk that is in use", () => {
    expect(spec(1).kubernetes.kubelet.extraConfig.evictionHard).toMatchObject({ 'imagefs.available': '1Gi' });
  });

  it('merges overrides key by key and replaces lists', () => {
    const { kubernetes, roleGroups } = spec(3, {
      overrides: {
        kubernetes: { version: 'v9.9.9', kubeProxy: { mode: 'nftables' } },
        roleGroups: { worker: ['node3'] },
      },
    });
    expect(kubernetes.version).toBe('v9.9.9');
    expect(kubernetes.kubeProxy).toEqual({ mode: 'nftables', extraConfig: { conntrack: { maxPerCore: 0, min: 0 } } });
    expect(kubernetes.containerRuntime.type).toBe('containerd');
    expect(roleGroups).toMatchObject({ etcd: ['node1'], worker: ['node3'] });
  });
});
