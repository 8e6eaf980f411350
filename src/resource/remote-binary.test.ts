import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openCache } from '../cache/index.js';
import type { WorkDirs } from '../common/work-dirs.js';
import { draft, mergeFragments, seal } from '../plan/index.js';
import { pin } from '../step/common/download/lock-file.js';
import { type StepContext, uploadFile } from '../step/index.js';
import { artifactIndex, loadArtifactIndex } from './artifact-index.js';
import { remoteBinary } from './remote-binary.js';
import { mirrored } from './sources.js';
import type { ResourceContext } from './types.js';

const dirs = workDirs('/srv');
const etcd = remoteBinary({ name: 'etcd', version: 'v3.6.14', arch: 'amd64' });
const digest = 'a'.repeat(64);

/** What resources use of them; the runtime's own are not this layer's to import. */
function workDirs(cwd: string): WorkDirs {
  const clusterWorkDir = `${cwd}/.kubexm/demo`;
  const family = (name: string) =>
    name === 'containerd' ? 'container_runtime/containerd' : name === 'kubelet' ? 'kubernetes' : name;
  return {
    clusterWorkDir,
    lockFile: `${clusterWorkDir}/kubexm.lock`,
    cacheFile: `${clusterWorkDir}/cache.json`,
    getComponentArtifactsDir: (name, version, arch) => `${clusterWorkDir}/${family(name)}/${version}/${arch}`,
  } as WorkDirs;
}

function context(changes: Partial<ResourceContext> = {}): ResourceContext {
  return { workDirs: dirs, download: { mirrors: {}, checksums: {} }, artifacts: artifactIndex(), ...changes };
}

/** The params of the one download step that is planned. */
function planned(binary: typeof etcd, ctx: ResourceContext) {
  const nodes = [...binary.ensurePlan(ctx).nodes.values()];
  expect(nodes).toHaveLength(1);
  return nodes[0]?.jobs[0]?.step.params;
}

describe('a handle', () => {
  test('knows where its file is', () => {
    expect(etcd.path(context())).toBe('/srv/.kubexm/demo/etcd/v3.6.14/amd64/etcd-v3.6.14-linux-amd64.tar.gz');
    const of = (name: 'containerd' | 'kubelet', version: string) =>
      remoteBinary({ name, version, arch: 'arm64' }).path(context());
    expect(of('containerd', '2.1.9')).toBe(
      '/srv/.kubexm/demo/container_runtime/containerd/v2.1.9/arm64/containerd-2.1.9-linux-arm64.tar.gz',
    );
    expect(of('kubelet', 'v1.34.4')).toBe('/srv/.kubexm/demo/kubernetes/v1.34.4/arm64/kubelet');
  });

  test('plans exactly one download on the control node, whoever asks and however often', () => {
    const ctx = context();
    const again = remoteBinary({ name: 'etcd', version: '3.6.14', arch: 'amd64' });
    const other = remoteBinary({ name: 'etcd', version: 'v3.6.14', arch: 'arm64' });
    const all = mergeFragments(etcd.ensurePlan(ctx), again.ensurePlan(ctx), other.ensurePlan(ctx));
    expect([...all.nodes].map(([id, { jobs }]) => [id, jobs.map(({ host, step }) => `${host} ${step.title}`)])).toEqual(
      [
        ['/resource/etcd/v3.6.14/amd64', ['control-node Download etcd-v3.6.14-linux-amd64.tar.gz']],
        ['/resource/etcd/v3.6.14/arm64', ['control-node Download etcd-v3.6.14-linux-arm64.tar.gz']],
      ],
    );
  });

  test('plans nothing where the verified file is there, and knows its digest', () => {
    const states = new Map([[etcd.key, { state: 'verified', sha256: digest, from: 'kubexm.lock' } as const]]);
    const ctx = context({ artifacts: artifactIndex({ states }) });
    expect(etcd.ensurePlan(ctx).nodes.size).toBe(0);
    expect([etcd.sha256(ctx), etcd.digest(ctx)]).toEqual([digest, digest]);
  });

  test('gives an output for the digest that is not known yet; a plan that reads it after the download seals', () => {
    const ctx = context();
    expect(etcd.sha256(ctx)).toBeUndefined();
    const g = draft<StepContext>('install');
    const ready = g.include(etcd.ensurePlan(ctx));
    const step = uploadFile({ source: etcd.path(ctx), target: '/tmp/etcd', sha256: etcd.digest(ctx), mode: 0o644 });
    g.add('upload', ['m1'], step, { after: ready });
    const graph = seal('create', g.done(), { hosts: ['m1'] });
    expect(graph.nodes.map(({ id }) => id)).toEqual(['/resource/etcd/v3.6.14/amd64', 'install/upload']);
  });

  test('plans the download of a file that is there but not right', () => {
    const states = new Map([[etcd.key, { state: 'unverified', because: 'changed' } as const]]);
    expect(etcd.ensurePlan(context({ artifacts: artifactIndex({ states }) })).nodes.size).toBe(1);
  });
});

describe('the digest to expect', () => {
  const url = 'https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz';
  const pinned = artifactIndex({ pins: new Map([[etcd.key, 'b'.repeat(64)]]) });

  test('is the config’s, by address or file name, then kubexm.lock’s, then upstream’s', () => {
    const byUrl = context({ download: { mirrors: {}, checksums: { [url]: digest } }, artifacts: pinned });
    const byName = context({ download: { mirrors: {}, checksums: { 'etcd-v3.6.14-linux-amd64.tar.gz': digest } } });
    const configured = { sha256: digest, source: 'spec.download.checksums' };
    expect(planned(etcd, byUrl)).toMatchObject({ checksum: configured });
    expect(planned(etcd, byName)).toMatchObject({ checksum: configured });
    expect(planned(etcd, context({ artifacts: pinned }))).toMatchObject({
      checksum: { sha256: 'b'.repeat(64), source: 'kubexm.lock' },
    });
    expect(planned(etcd, context())).toMatchObject({
      checksum: { urls: [url.replace(/[^/]*$/, 'SHA256SUMS')] },
      expect: 'gzip',
    });
  });

  test('is missing where a project publishes none: an error that says how to give it', () => {
    const criDockerd = remoteBinary({ name: 'cri-dockerd', version: 'v0.3.21', arch: 'amd64' });
    expect(() => criDockerd.ensurePlan(context())).toThrow(
      expect.objectContaining({
        code: 'ARTIFACT_CHECKSUM',
        hint: expect.stringContaining(`"${criDockerd.url}": <sha256>`),
      }),
    );
    const download = { mirrors: {}, checksums: { 'cri-dockerd-0.3.21.amd64.tgz': digest } };
    expect(criDockerd.ensurePlan(context({ download })).nodes.size).toBe(1);
  });
});

describe('mirrors', () => {
  const kubelet = 'https://dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubelet';
  test.each([
    [{}, [kubelet]],
    [
      { 'https://dl.k8s.io': 'http://files.example/dl.k8s.io' },
      ['http://files.example/dl.k8s.io/release/v1.34.4/bin/linux/amd64/kubelet'],
    ],
    [{ 'https://dl.k8s.io/': 'http://a/' }, ['http://a/release/v1.34.4/bin/linux/amd64/kubelet']],
    [
      { 'https://dl.k8s.io': 'http://all', 'https://dl.k8s.io/release': 'http://rel' },
      ['http://rel/v1.34.4/bin/linux/amd64/kubelet', 'http://all/release/v1.34.4/bin/linux/amd64/kubelet'],
    ],
    [{ 'https://dl.k8s': 'http://wrong' }, [kubelet]],
    [{ [kubelet]: 'http://one/kubelet' }, ['http://one/kubelet']],
  ])('%j', (mirrors, urls) => {
    expect(mirrored(kubelet, { mirrors, checksums: {} })).toEqual(urls);
  });

  test('serve the file and its checksum file', () => {
    const ctx = context({ download: { mirrors: { 'https://github.com': 'http://m/github.com' }, checksums: {} } });
    expect(planned(etcd, ctx)).toMatchObject({
      urls: ['http://m/github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz'],
      checksum: { urls: ['http://m/github.com/etcd-io/etcd/releases/download/v3.6.14/SHA256SUMS'] },
      lock: { url: etcd.url },
    });
  });
});

describe('the index', () => {
  async function setUp() {
    const cwd = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
    onTestFinished(() => rm(cwd, { recursive: true, force: true }));
    const here = workDirs(cwd);
    const ctx = context({ workDirs: here });
    const load = async (checksums: Record<string, string> = {}) =>
      loadArtifactIndex({
        workDirs: here,
        download: { mirrors: {}, checksums },
        cache: await openCache(here.cacheFile),
      });
    return { ctx, here, load, put: (content: string) => put(etcd.path(ctx), content) };
  }
  async function put(path: string, content: string): Promise<string> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return createHash('sha256').update(content).digest('hex');
  }
  const pinTo = (here: WorkDirs, sha256: string) => pin(here.lockFile, etcd.key, { sha256, url: etcd.url });

  test('of an empty directory knows nothing', async () => {
    const { load } = await setUp();
    expect((await load()).stateOf(etcd.key)).toEqual({ state: 'missing' });
  });

  test('compares with the config first, then with kubexm.lock', async () => {
    const { here, load, put: putEtcd } = await setUp();
    const sha256 = await putEtcd('archive');
    expect((await load()).stateOf(etcd.key)).toMatchObject({ state: 'unverified' });
    await pinTo(here, sha256);
    const index = await load();
    expect(index.stateOf(etcd.key)).toEqual({ state: 'verified', sha256, from: 'kubexm.lock' });
    expect(index.pinned(etcd.key)).toBe(sha256);
    expect((await load({ [etcd.url]: digest })).stateOf(etcd.key)).toMatchObject({
      state: 'unverified',
      because: expect.stringContaining('spec.download.checksums says'),
    });
    expect((await load({ [etcd.fileName]: sha256 })).stateOf(etcd.key)).toMatchObject({
      state: 'verified',
      from: 'spec.download.checksums',
    });
  });

  test('notices a file that changed, even with its size and time put back', async () => {
    const { ctx, here, load, put: putEtcd } = await setUp();
    await pinTo(here, await putEtcd('archive'));
    await utimes(etcd.path(ctx), 1000, 1000);
    expect((await load()).stateOf(etcd.key).state).toBe('verified');
    await putEtcd('ARCHIVE');
    await utimes(etcd.path(ctx), 1000, 1000);
    expect((await load()).stateOf(etcd.key).state).toBe('unverified');
  });

  test('refuses a kubexm.lock that it cannot read', async () => {
    const { here, load } = await setUp();
    await put(here.lockFile, '{ "version": 1, "artifacts": { "x": { "sha256": "short" } } }');
    await expect(load()).rejects.toMatchObject({
      code: 'ARTIFACT_CHECKSUM',
      message: expect.stringContaining('kubexm.lock'),
    });
  });
});
