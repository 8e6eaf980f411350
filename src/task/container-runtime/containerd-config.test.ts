import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { smallCluster } from '../plan-context.fixture.js';
import { containerdConfig, hostsToml } from './containerd-config.js';

describe('config.toml', () => {
  test('of containerd 2.x is version 3', () => {
    expect(parse(containerdConfig({ version: '2.1.9', sandboxImage: 'r/pause:3.10.1', extraConfig: {} }))).toEqual({
      version: 3,
      plugins: {
        'io.containerd.cri.v1.images': {
          pinned_images: { sandbox: 'r/pause:3.10.1' },
          registry: { config_path: '/etc/containerd/certs.d' },
        },
        'io.containerd.cri.v1.runtime': {
          cni: { bin_dirs: ['/opt/cni/bin'], conf_dir: '/etc/cni/net.d' },
          containerd: {
            default_runtime_name: 'runc',
            runtimes: { runc: { runtime_type: 'io.containerd.runc.v2', options: { SystemdCgroup: true } } },
          },
        },
      },
    });
  });

  test('of containerd 1.7 is version 2, with the names of 1.x', () => {
    expect(parse(containerdConfig({ version: '1.7.28', sandboxImage: 'r/pause:3.9', extraConfig: {} }))).toEqual({
      version: 2,
      plugins: {
        'io.containerd.grpc.v1.cri': {
          sandbox_image: 'r/pause:3.9',
          cni: { bin_dir: '/opt/cni/bin', conf_dir: '/etc/cni/net.d' },
          containerd: {
            default_runtime_name: 'runc',
            runtimes: { runc: { runtime_type: 'io.containerd.runc.v2', options: { SystemdCgroup: true } } },
          },
          registry: { config_path: '/etc/containerd/certs.d' },
        },
      },
    });
  });

  test("the user's own keys are laid upon it, key by key", () => {
    const extraConfig = {
      metrics: { address: '127.0.0.1:1338' },
      plugins: { 'io.containerd.cri.v1.runtime': { containerd: { default_runtime_name: 'crun' } } },
    };
    const config = parse(containerdConfig({ version: '2.1.9', sandboxImage: 'p', extraConfig }));
    expect(config).toMatchObject({
      metrics: { address: '127.0.0.1:1338' },
      plugins: {
        'io.containerd.cri.v1.runtime': {
          cni: { conf_dir: '/etc/cni/net.d' },
          containerd: { default_runtime_name: 'crun', runtimes: { runc: {} } },
        },
      },
    });
  });
});

describe('hosts.toml', () => {
  const files = (registry: object) => {
    const written = hostsToml(smallCluster({ registry }).spec.registry);
    return new Map(
      written.map(({ registry: name, content }) => [
        name,
        parse(content.map((part) => (typeof part === 'string' ? part : part.$secret)).join('')),
      ]),
    );
  };
  const pull = { capabilities: ['pull', 'resolve'] };

  test('nothing is said of registries that the config does not name', () => {
    expect(files({})).toEqual(new Map());
  });

  test('mirrors in their order, the registry itself last', () => {
    const file = files({ mirrors: { 'docker.io': ['https://one.example', 'http://two.example:5000'] } }).get(
      'docker.io',
    );
    expect(file).toEqual({
      server: 'https://registry-1.docker.io',
      host: {
        'https://one.example': pull,
        'http://two.example:5000': pull,
        'https://registry-1.docker.io': pull,
      },
    });
    expect(Object.keys((file?.host ?? {}) as object)).toEqual([
      'https://one.example',
      'http://two.example:5000',
      'https://registry-1.docker.io',
    ]);
  });

  test('a login is a reference to a secret, a CA is the path of its file on the host', () => {
    const registry = {
      auths: { 'images.example:5000': { username: 'puller', password: { env: 'PASSWORD' } } },
      caFiles: { 'images.example:5000': '/srv/ca.pem' },
    };
    const [file] = hostsToml(smallCluster({ registry }).spec.registry);
    expect(file?.content).toContainEqual({ $secret: 'registry-auth:images.example:5000' });
    expect(files(registry).get('images.example:5000')).toEqual({
      server: 'https://images.example:5000',
      host: {
        'https://images.example:5000': {
          ...pull,
          ca: '/etc/containerd/certs.d/images.example:5000/ca.crt',
          header: { authorization: 'Basic registry-auth:images.example:5000' },
        },
      },
    });
  });

  test("a mirror's login is used for the mirror alone, and when images name it themselves", () => {
    const registry = {
      mirrors: { 'registry.k8s.io': ['https://images.example:5000'] },
      auths: { 'images.example:5000': { username: 'puller', password: { env: 'PASSWORD' } } },
    };
    const header = { authorization: 'Basic registry-auth:images.example:5000' };
    expect(files(registry)).toEqual(
      new Map([
        [
          'registry.k8s.io',
          {
            server: 'https://registry.k8s.io',
            host: { 'https://images.example:5000': { ...pull, header }, 'https://registry.k8s.io': pull },
          },
        ],
        [
          'images.example:5000',
          { server: 'https://images.example:5000', host: { 'https://images.example:5000': { ...pull, header } } },
        ],
      ]),
    );
  });

  test('an insecure registry is asked over http', () => {
    expect(files({ insecure: ['plain.example:5000'] }).get('plain.example:5000')).toEqual({
      server: 'http://plain.example:5000',
      host: { 'http://plain.example:5000': { ...pull, skip_verify: true } },
    });
  });
});
