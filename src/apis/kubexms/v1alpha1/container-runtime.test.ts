import { describe, expect, test } from 'vitest';
import { containerRuntimeSchema, type HostRuntimeInput, resolveContainerRuntime } from './container-runtime.js';
import { versionsFor } from './versions.js';

const versions = versionsFor('v1.34.4');
const resolve = (cluster: object, host?: HostRuntimeInput) =>
  resolveContainerRuntime(containerRuntimeSchema.parse(cluster), versions, host);

describe('a host that says nothing', () => {
  test("has the cluster's runtime, of the versions that go with Kubernetes", () => {
    expect(resolve({})).toEqual({
      type: 'containerd',
      version: '2.1.9',
      runcVersion: 'v1.3.6',
      cniPluginsVersion: 'v1.9.1',
      crictlVersion: 'v1.34.0',
      containerd: { extraConfig: {}, drainBeforeRestart: false },
    });
    expect(resolve({ type: 'docker' })).toMatchObject({
      type: 'docker',
      version: '28.5.2',
      criDockerdVersion: 'v0.4.0',
    });
  });
});

describe('a host of another runtime', () => {
  test("takes the cluster's settings of that runtime, and not the version of the other one", () => {
    const cluster = {
      type: 'containerd',
      version: '2.1.8',
      crictlVersion: 'v1.34.1',
      docker: { packages: ['docker.io'], extraConfig: { 'log-opts': { 'max-size': '5m', 'max-file': '2' } } },
    };
    expect(resolve(cluster, { type: 'docker', docker: { extraConfig: { 'log-opts': { 'max-size': '9m' } } } })).toEqual(
      {
        type: 'docker',
        version: '28.5.2',
        criDockerdVersion: 'v0.4.0',
        runcVersion: 'v1.3.6',
        cniPluginsVersion: 'v1.9.1',
        crictlVersion: 'v1.34.1',
        docker: {
          packages: ['docker.io'],
          repository: { type: 'distribution' },
          extraConfig: { 'log-opts': { 'max-size': '9m', 'max-file': '2' } },
        },
      },
    );
    expect(resolve(cluster, { containerd: { extraConfig: { root: '/srv' } } })).toMatchObject({
      version: '2.1.8',
      containerd: { extraConfig: { root: '/srv' } },
    });
  });
});

test.each([
  [{}, { type: 'docker' }],
  [{ packages: ['docker.io'] }, { type: 'distribution' }],
  [{ repository: 'distribution' }, { type: 'distribution' }],
  [
    { repository: { url: 'https://packages.example', keyUrl: 'https://packages.example/key' } },
    { type: 'own', url: 'https://packages.example', keyUrl: 'https://packages.example/key' },
  ],
])('docker %j: its packages come from %j', (docker, repository) => {
  expect(resolve({ type: 'docker', docker })).toMatchObject({ docker: { repository } });
});
