import { describe, expect, test } from 'vitest';
import type { HostFacts } from '../../step/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { daemonJson } from './docker-config.js';
import { conflictingPackages, packageRepository, packageSpecs } from './docker-packages.js';
import { guardRuntimes } from './guard.js';
import { installContainerRuntime } from './install.js';
import { uninstallContainerRuntime } from './uninstall.js';

const checksums = { 'cri-dockerd-0.4.0.amd64.tgz': '0'.repeat(64) };
const dockerOf = (docker: object = {}) => {
  const runtime = smallCluster({ kubernetes: { containerRuntime: { type: 'docker', docker } } }).spec.kubernetes
    .containerRuntime;
  if (runtime.type !== 'docker') throw new Error('not docker');
  return runtime;
};

describe('daemon.json', () => {
  test('has what the kubelet needs, and keeps containers alive while docker restarts', () => {
    expect(JSON.parse(daemonJson({ registry: { mirrors: {}, insecure: [] }, extraConfig: {} }))).toEqual({
      'exec-opts': ['native.cgroupdriver=systemd'],
      'log-driver': 'json-file',
      'log-opts': { 'max-size': '100m', 'max-file': '3' },
      'storage-driver': 'overlay2',
      'live-restore': true,
    });
  });

  test("mirrors of docker.io alone, insecure registries, and the user's keys upon it", () => {
    const registry = {
      mirrors: { 'docker.io': ['https://one.example'], 'registry.k8s.io': ['https://two.example'] },
      insecure: ['plain.example:5000'],
    };
    const extraConfig = { 'log-opts': { 'max-size': '5m' }, 'data-root': '/srv/docker' };
    expect(JSON.parse(daemonJson({ registry, extraConfig }))).toMatchObject({
      'registry-mirrors': ['https://one.example'],
      'insecure-registries': ['plain.example:5000'],
      'log-opts': { 'max-size': '5m', 'max-file': '3' },
      'data-root': '/srv/docker',
    });
  });
});

describe('packages', () => {
  test("of Docker's own: those of the distribution are in the way", () => {
    const { docker } = dockerOf();
    expect(conflictingPackages(docker, 'apt')).toEqual(expect.arrayContaining(['docker.io', 'containerd', 'runc']));
    expect(conflictingPackages(docker, 'dnf')).toEqual(expect.arrayContaining(['docker-client', 'podman-docker']));
  });

  test('of the distribution: nothing of it is removed', () => {
    const { docker } = dockerOf({ packages: ['docker.io'] });
    const conflicting = conflictingPackages(docker, 'apt');
    for (const name of ['docker.io', 'docker-cli', 'containerd', 'runc']) expect(conflicting).not.toContain(name);
    expect(conflicting).toEqual(expect.arrayContaining(['docker-ce', 'containerd.io']));
  });

  test('docker-ce is of the version of the config, others of their own or of none', () => {
    expect(packageSpecs(dockerOf(), 'apt').slice(0, 3)).toEqual([
      { name: 'docker-ce', version: '5:28.5.2*' },
      { name: 'docker-ce-cli', version: '5:28.5.2*' },
      'containerd.io',
    ]);
    expect(packageSpecs(dockerOf(), 'dnf')[0]).toEqual({ name: 'docker-ce', version: '28.5.2*' });
    expect(packageSpecs(dockerOf({ packages: ['docker.io=26.1.5*'] }), 'apt')).toEqual([
      { name: 'docker.io', version: '26.1.5*' },
    ]);
  });

  test.each([
    ['debian', [], 'apt', 'https://download.docker.com/linux/debian'],
    [
      'rocky',
      ['rhel', 'centos', 'fedora'],
      'dnf',
      'https://download.docker.com/linux/centos/$releasever/$basearch/stable',
    ],
  ] as const)("%s gets them from Docker's repository", (id, idLike, manager, url) => {
    const facts = planContext(smallCluster(), { facts: { w1: { os: { id, idLike, version: '1', name: id } } } }).facts;
    expect(packageRepository(dockerOf(), 'w1', facts.get('w1') as HostFacts, manager)).toMatchObject({ url });
  });

  test('or from that of the config, or from what the host has', () => {
    const facts = planContext(smallCluster()).facts.get('w1') as HostFacts;
    const repository = { url: 'https://packages.example/debian', keyUrl: 'https://packages.example/key', suite: './' };
    expect(packageRepository(dockerOf({ repository }), 'w1', facts, 'apt')).toEqual({
      name: 'docker',
      type: 'apt',
      component: 'stable',
      ...repository,
    });
    expect(packageRepository(dockerOf({ packages: ['docker.io'] }), 'w1', facts, 'apt')).toBeUndefined();
    expect(packageRepository(dockerOf({ repository: 'distribution' }), 'w1', facts, 'apt')).toBeUndefined();
  });

  test("Docker's own for a distribution that it does not know is refused", () => {
    const os = { id: 'arch', idLike: [], version: '', name: 'Arch Linux' };
    const facts = planContext(smallCluster(), { facts: { w1: { os } } }).facts.get('w1') as HostFacts;
    expect(() => packageRepository(dockerOf(), 'w1', facts, 'apt')).toThrow('Docker offers no packages for Arch Linux');
  });
});

describe('the plan', () => {
  const three = {
    hosts: ['m1', 'm2', 'w1', 'w2', 'w3'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` })),
    roleGroups: { etcd: ['m1'], 'control-plane': ['m1', 'm2'], worker: ['w1', 'w2', 'w3'] },
    download: { checksums },
  };
  const node = { leftovers: ['/etc/kubernetes/kubelet.conf', '/etc/cni/net.d/10-flannel.conflist'] };
  const planOf = (spec: object, facts: Readonly<Record<string, Partial<HostFacts>>> = {}) =>
    installContainerRuntime.plan(planContext(smallCluster({ ...three, ...spec }), { facts }));
  const hostsOf = (plan: ReturnType<typeof planOf>, id: string) =>
    plan.nodes.get(`install-container-runtime/${id}`)?.jobs.map(({ host }) => host);

  test('new hosts get it all at once', () => {
    const plan = planOf({});
    expect(hostsOf(plan, 'new/containerd/start')).toEqual(['m1', 'm2', 'w1', 'w2', 'w3']);
    expect(hostsOf(plan, 'verify')).toEqual(['m1', 'm2', 'w1', 'w2', 'w3']);
  });

  test('nodes change one after the other: control planes, a worker, the other workers; a new host waits for nobody', () => {
    const plan = planOf({}, { m1: node, m2: node, w1: node, w2: node });
    expect(hostsOf(plan, 'new/containerd/start')).toEqual(['w3']);
    for (const [name, hosts] of [
      ['m1', ['m1']],
      ['m2', ['m2']],
      ['w1', ['w1']],
      ['other-workers', ['w2']],
    ] as const) {
      expect(hostsOf(plan, `${name}/containerd/start`)).toEqual(hosts);
      expect(hostsOf(plan, `${name}/verify`)).toEqual(hosts);
    }
    const usesOf = (name: string) =>
      plan.nodes.get(`install-container-runtime/${name}/containerd/start`)?.jobs.map(({ step }) => step.uses);
    expect(usesOf('other-workers')).toEqual([['runtime-change']]);
    expect(usesOf('new')).toEqual([undefined]);
    const first = plan.nodes.get('install-container-runtime/m2/containerd/write-config');
    expect(first?.after).toEqual([{ node: 'install-container-runtime/m1/verify', kind: 'barrier' }]);
    const verify = plan.nodes.get('install-container-runtime/m2/verify');
    expect(verify?.jobs[0]?.step.params).toMatchObject({ network: true });
  });

  test('where nodes are drained first, they are emptied before a restart, and every one has its turn', () => {
    const containerd = { containerRuntime: { containerd: { drainBeforeRestart: true } } };
    const first = { leftovers: [...node.leftovers, '/etc/kubernetes/admin.conf'] };
    const plan = planOf({ kubernetes: containerd }, { m1: first, m2: first, w1: node, w2: node, w3: node });
    expect(hostsOf(plan, 'other-workers/containerd/start')).toBeUndefined();
    for (const [host, speaker] of [
      ['m1', 'm2'],
      ['w3', 'm1'],
    ]) {
      expect(hostsOf(plan, `${host}/containerd/restart-pending-${host}`)).toEqual([host]);
      expect(hostsOf(plan, `${host}/containerd/drain-${host}`)).toEqual([speaker]);
      expect(hostsOf(plan, `${host}/uncordon-${host}`)).toEqual([speaker]);
    }
  });

  test('the kind of a runtime in use is looked at on the nodes, and nowhere else', () => {
    const { nodes } = guardRuntimes.plan(planContext(smallCluster(), { facts: { m1: node } }));
    expect(nodes.get('same-runtime/kubelet')?.jobs.map(({ host, step }) => [host, step.params])).toEqual([
      ['m1', { nodeName: 'm1', endpoint: 'unix:///run/containerd/containerd.sock' }],
    ]);
  });

  test('a host of its own runtime', () => {
    const hosts = three.hosts.map((host) =>
      host.name === 'w3'
        ? { ...host, containerRuntime: { type: 'docker', docker: { packages: ['docker.io'] } } }
        : host,
    );
    const plan = planOf({ hosts });
    expect(hostsOf(plan, 'new/containerd/start')).toEqual(['m1', 'm2', 'w1', 'w2']);
    expect(hostsOf(plan, 'new/docker/start-cri-dockerd')).toEqual(['w3']);
    expect(hostsOf(plan, 'new/docker/upload-runc')).toBeUndefined();
    expect(hostsOf(plan, 'new/docker/extract-cni-plugins')).toEqual(['w3']);
    const verify = plan.nodes.get('install-container-runtime/verify');
    expect(verify?.jobs.map(({ step }) => step.params)).toContainEqual({ endpoint: 'unix:///run/cri-dockerd.sock' });
  });

  test('a key that nothing vouches for is refused', () => {
    const repository = { url: 'http://packages.example', keyUrl: 'http://packages.example/key' };
    const containerRuntime = { type: 'docker', docker: { repository } };
    expect(() => planOf({ kubernetes: { containerRuntime } })).toThrow('nothing vouches for the key');
    const download = { checksums: { ...checksums, [repository.keyUrl]: 'a'.repeat(64) } };
    const added = planOf({ kubernetes: { containerRuntime }, download }).nodes.get(
      'install-container-runtime/new/docker/add-repository',
    );
    expect(added?.jobs[0]?.step.params).toMatchObject({ keySha256: 'a'.repeat(64) });
  });

  test('logins are references, in files for root alone', () => {
    const registry = { auths: { 'images.example': { username: 'puller', password: { env: 'PASSWORD' } } } };
    const written = planOf({ registry }).nodes.get('install-container-runtime/new/containerd/write-logins');
    expect(written?.jobs[0]?.step.params).toMatchObject({
      target: '/var/lib/kubelet/config.json',
      mode: 0o600,
      content: expect.arrayContaining([{ $secret: 'registry-auth:images.example' }]),
    });
  });
});

describe('uninstalling', () => {
  const paramsOf = (wipeData: boolean, type: 'docker' | 'containerd') => {
    const runtime = smallCluster({ kubernetes: { containerRuntime: { type } } }).spec.kubernetes.containerRuntime;
    const { nodes } = uninstallContainerRuntime({ runtime, hosts: ['w1'], wipeData, tools: false });
    return [...nodes.values()].flatMap(({ jobs }) =>
      jobs.map(({ step }) => step.params as { path?: string; purge?: boolean }),
    );
  };
  const pathsOf = (...args: Parameters<typeof paramsOf>) => paramsOf(...args).flatMap(({ path }) => path ?? []);
  const purges = (...args: Parameters<typeof paramsOf>) => paramsOf(...args).flatMap(({ purge }) => purge ?? []);

  test.each([
    ['containerd', '/var/lib/containerd'],
    ['docker', '/var/lib/docker'],
  ] as const)('%s: data go only where that is said', (type, data) => {
    expect(pathsOf(false, type)).not.toContain(data);
    expect(pathsOf(true, type)).toContain(data);
    expect(purges(false, type)).toEqual(type === 'docker' ? [false] : []);
    expect(purges(true, type)).toEqual(type === 'docker' ? [true] : []);
    expect(pathsOf(false, type).some((path) => path.startsWith('/opt/cni'))).toBe(false);
  });
});
