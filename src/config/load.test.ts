import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { pauseImage } from '../apis/kubexms/v1alpha1/index.js';
import { loadCluster, readClusterFile, renderDiagnostic, showCluster } from './index.js';

function config(spec: string, file = 'cluster.yaml') {
  const head = 'apiVersion: kubexms.io/v1alpha1\nkind: Cluster\nmetadata: { name: demo }\nspec:\n';
  return loadCluster(`${head}${spec}`, file);
}

function clusterOf(spec: string, file?: string) {
  const { cluster, diagnostics } = config(spec, file);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

const hosts = `
  hosts: [{ name: m1, address: 10.0.0.11 }, { name: w1, address: 10.0.0.21 }]
  roleGroups: { etcd: [m1], master: [m1], worker: [w1] }
`;

describe('what a cluster is when the config says nothing', () => {
  const { spec } = clusterOf(`${hosts}  global: { agent: true }`);

  test('the versions of the table', () => {
    expect(spec.kubernetes.version).toBe('v1.34.4');
    expect(spec.kubernetes.containerRuntime).toMatchObject({
      type: 'containerd',
      version: '2.1.9',
      runcVersion: 'v1.3.6',
      cniPluginsVersion: 'v1.9.1',
      crictlVersion: 'v1.34.0',
    });
    expect(spec.etcd).toMatchObject({ type: 'kubexm', version: 'v3.6.14', dataDir: '/var/lib/etcd' });
    expect(spec.network).toMatchObject({
      plugin: 'flannel',
      flannel: { version: 'v0.28.4', cniPluginVersion: 'v1.9.1-flannel1', backend: 'vxlan' },
    });
  });

  test('sizes and durations as numbers', () => {
    expect(spec.etcd).toMatchObject({ performance: { quotaBackendBytes: 8 * 2 ** 30, maxRequestBytes: 1_572_864 } });
    expect(spec.hosts[0]?.connectionTimeoutMs).toBe(10_000);
  });

  test('the internal endpoint', () => {
    expect(spec.controlPlaneEndpoint).toMatchObject({ type: 'internal', domain: 'lb.kubexm.local', port: 6443 });
  });

  test('it cannot be changed', () => {
    expect(Object.isFrozen(spec.hosts[0]?.labels)).toBe(true);
    expect(Object.isFrozen(spec.system.ntpServers)).toBe(true);
  });
});

test('master is read as control-plane', () => {
  expect(clusterOf(`${hosts}  global: { agent: true }`).spec.roleGroups['control-plane']).toEqual(['m1']);
});

test('another Kubernetes brings its own versions', () => {
  const cluster = clusterOf(
    `${hosts}  global: { agent: true }\n  kubernetes: { version: v1.33.1, imageRepository: images.example/k8s }`,
  );
  expect(cluster.spec.etcd).toMatchObject({ version: 'v3.5.26' });
  expect(pauseImage(cluster)).toBe('images.example/k8s/pause:3.10');
});

describe('what hosts take from global', () => {
  test('the login of the host beats that of global', () => {
    const { spec } = clusterOf(`
  hosts:
    - { name: m1, address: 10.0.0.11, password: { env: P }, user: admin, port: 2222 }
    - { name: w1, address: 10.0.0.21 }
  roleGroups: { etcd: [m1], control-plane: [m1], worker: [w1] }
  global: { privateKeyPath: keys/id, privateKeyPassphrase: { file: pass }, user: deploy }
`);
    const [m1, w1] = spec.hosts;
    expect(m1).toMatchObject({ user: 'admin', port: 2222, login: { type: 'password', password: { env: 'P' } } });
    expect(m1?.sudoPassword).toEqual({ env: 'P' });
    expect(w1).toMatchObject({
      user: 'deploy',
      port: 22,
      login: { type: 'privateKey', path: 'keys/id', passphrase: { file: 'pass' } },
    });
    expect(w1).not.toHaveProperty('sudoPassword');
  });

  test('a shared secret stays one object, so that it is asked for once', () => {
    const { spec } = clusterOf(`${hosts}  global: { password: { prompt: true } }`);
    const [m1, w1] = spec.hosts;
    expect(
      m1?.login.type === 'password' && w1?.login.type === 'password' && m1.login.password === w1.login.password,
    ).toBe(true);
    expect(m1?.sudoPassword).toBe(w1?.sudoPassword);
  });

  test('a bastion takes user and login of the host behind it', () => {
    const { spec } = clusterOf(
      `${hosts}  global: { agent: true, user: deploy, bastion: { address: 10.9.0.1, bastion: { address: 10.9.0.2, user: jump } } }`,
    );
    expect(spec.hosts[0]?.bastion).toEqual({
      address: '10.9.0.1',
      port: 22,
      user: 'deploy',
      login: { type: 'agent' },
      bastion: { address: '10.9.0.2', port: 22, user: 'jump', login: { type: 'agent' } },
    });
  });
});

test('~ is the home directory, and relative paths are beside the config', () => {
  const spec = `${hosts}  global: { privateKeyPath: ~/.ssh/id }\n  addons: [{ name: a, manifests: [a.yaml, /b.yaml, https://files.example/c.yaml] }]`;
  const cluster = clusterOf(spec, 'clusters/demo/cluster.yaml');
  expect(cluster.spec.hosts[0]?.login).toEqual({ type: 'privateKey', path: join(homedir(), '.ssh/id') });
  expect(cluster.spec.addons[0]?.manifests).toEqual([
    'clusters/demo/a.yaml',
    '/b.yaml',
    'https://files.example/c.yaml',
  ]);
});

test('taints in both spellings', () => {
  const { spec } = clusterOf(`
  hosts:
    - { name: m1, address: 10.0.0.11, taints: ["a=b:NoSchedule", "c:NoExecute", { key: d, effect: PreferNoSchedule }] }
  roleGroups: { etcd: [m1], control-plane: [m1] }
  global: { agent: true }
`);
  expect(spec.hosts[0]?.taints).toEqual([
    { key: 'a', value: 'b', effect: 'NoSchedule' },
    { key: 'c', effect: 'NoExecute' },
    { key: 'd', effect: 'PreferNoSchedule' },
  ]);
});

test('a section without a value counts as absent; null in free data is kept', () => {
  const { spec } = clusterOf(
    `${hosts}  global: { agent: true }\n  kubernetes:\n    scheduler:\n    kubelet: { extraConfig: { a: null } }`,
  );
  expect(spec.kubernetes.scheduler.extraArgs).toEqual({});
  expect(spec.kubernetes.kubelet.extraConfig).toEqual({ a: null });
});

test('anchors and merge keys work, and their problems have places', () => {
  const { cluster, diagnostics } = config(`
  hosts:
    - &m { name: m1, address: 10.0.0.11, labels: &l { rack: a } }
    - { <<: *m, name: m2, address: 10.0.0.12, labels: *l, prot: 22 }
  roleGroups: { etcd: [m1], control-plane: [m1, m2] }
  global: { agent: true }
`);
  expect(cluster).toBeUndefined();
  expect(diagnostics).toMatchObject([{ code: 'unknown-key', line: 8, column: 59, hint: 'did you mean "port"?' }]);
});

test('mirrors of downloads mean the same with and without their last slash', () => {
  const { spec } = clusterOf(
    `${hosts}  global: { agent: true }\n  download: { mirrors: { "https://dl.k8s.io/": "https://files.example/k8s" } }`,
  );
  expect(spec.download.mirrors).toEqual({ 'https://dl.k8s.io': 'https://files.example/k8s' });
});

test('a plain secret is a warning, and neither shown nor printed', () => {
  const { cluster, diagnostics } = config(`${hosts}  global: { password: canary }`);
  expect(diagnostics).toMatchObject([{ severity: 'warning', code: 'plain-secret', path: 'spec.global.password' }]);
  if (cluster === undefined) throw new Error('no cluster');
  const everything = `${JSON.stringify(diagnostics)}${showCluster(cluster)}${JSON.stringify(cluster)}${inspect(cluster, { depth: 12 })}`;
  expect(everything).not.toContain('canary');
  expect(showCluster(cluster)).toContain('password: "***"');
});

test('a long line is shown around its problem', () => {
  const filler = 'x'.repeat(300);
  const { diagnostics } = config(
    `${hosts}  global: { agent: true }\n  system: { preInstall: [${filler}], pakages: [] }`,
  );
  const [source = '', carets = ''] = diagnostics[0]?.excerpt.split('\n') ?? [];
  expect(source.length).toBeLessThanOrEqual(120);
  expect(source.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('pakages');
});

test('colours only when asked for', () => {
  const [diagnostic] = config('').diagnostics;
  if (diagnostic === undefined) throw new Error('no diagnostic');
  const escape = String.fromCharCode(27);
  expect(renderDiagnostic(diagnostic, { color: false })).not.toContain(escape);
  expect(renderDiagnostic(diagnostic, { color: true })).toContain(escape);
});

describe('readClusterFile', () => {
  test('a missing file says how to write one', async () => {
    await expect(readClusterFile('none.yaml')).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      hint: 'write one with: kubexm config init > none.yaml; or name another: -f FILE',
    });
  });

  test('a broken file throws with all its diagnostics', async () => {
    const path = new URL('testdata/unknown-keys.yaml.in', import.meta.url).pathname;
    await expect(readClusterFile(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: expect.arrayContaining([expect.stringContaining('unknown key "adress"')]),
    });
  });

  test('a good file gives the cluster', async () => {
    const { cluster, warnings } = await readClusterFile(
      new URL('../../examples/single-node.yaml', import.meta.url).pathname,
    );
    expect(cluster.metadata.name).toBe('single');
    expect(warnings).toEqual([]);
  });
});
