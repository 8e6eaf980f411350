import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { assertClusterHealthy } from '../harness/kube.js';
import { scenario } from '../harness/scenario.js';
import { labDocker } from './docker.js';

const registry = '10.99.0.1:5000';

export const node6b = scenario({
  id: 'node-6b',
  title: 'one worker with containerd and one with docker and cri-dockerd in one cluster; one of them migrates',
  hosts: 3,
  skip: () =>
    process.env.KUBEXM_LAB_CRI_DOCKERD === undefined
      ? 'there is no cri-dockerd here: KUBEXM_LAB_CRI_DOCKERD names no binary'
      : undefined,
  async run(t) {
    // As upstream packs it: cri-dockerd/cri-dockerd.
    await mkdir(join(t.dir, 'cri-dockerd'), { recursive: true });
    await copyFile(process.env.KUBEXM_LAB_CRI_DOCKERD ?? '', join(t.dir, 'cri-dockerd/cri-dockerd'));
    const name = 'cri-dockerd-0.4.0.amd64.tgz';
    await t.command(['tar', '-czf', name, 'cri-dockerd']);
    const archive = await readFile(join(t.dir, name));
    const server = createServer((_request, response) => response.end(archive)).listen(0, '127.0.0.1');
    t.cleanup(async () => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;

    const { docker, preInstall } = labDocker();
    const [controlPlane = '', plain = '', other = ''] = t.hostNames;
    const write = (onPlain: 'containerd' | 'docker') =>
      t.clusterYaml({
        controlPlanes: 1,
        workers: 2,
        overrides: {
          hosts: t.hosts.map(({ name: host, address, hostKey }) => ({
            name: host,
            address,
            hostKey,
            ...(host === other ? { containerRuntime: { type: 'docker' } } : {}),
            ...(host === plain ? { containerRuntime: { type: onPlain } } : {}),
          })),
          system: { preInstall },
          kubernetes: {
            // docker mirrors docker.io alone.
            imageRepository: registry,
            dns: { imageRepository: `${registry}/coredns` },
            containerRuntime: { docker: docker as never },
          },
          registry: { insecure: [registry] },
          download: {
            mirrors: { 'https://github.com/Mirantis': `http://127.0.0.1:${port}` },
            checksums: { [name]: createHash('sha256').update(archive).digest('hex') },
          },
        },
      });
    const runtimes = async () => {
      const path = '{range .items[*]}{.metadata.name}={.status.nodeInfo.containerRuntimeVersion}{"\\n"}{end}';
      return new Map(
        (await t.kubectl(['get', 'nodes', '-o', `jsonpath=${path}`]))
          .trim()
          .split('\n')
          .map((line) => line.split('=') as [string, string]),
      );
    };

    await write('containerd');
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure('create', `${(ms / 1000).toFixed(1)} s`);
    await assertClusterHealthy(t, { nodes: t.hostNames });
    const found = await runtimes();
    assert.match(found.get(plain) ?? '', /^containerd:/);
    assert.match(found.get(other) ?? '', /^docker:/);

    await write('docker');
    const refused = await t.kubexm(['cluster', 'create', '--yes']);
    assert.match(refused.stderr, /migrate-runtime/);
    const moved = await t.kubexmOk(['node', 'migrate-runtime', plain, '--to', 'docker', '--yes']);
    t.measure('migrated', `${(moved.ms / 1000).toFixed(1)} s`);
    assert.match((await runtimes()).get(plain) ?? '', /^docker:/);
    assert.match((await runtimes()).get(controlPlane) ?? '', /^containerd:/);
    await assertClusterHealthy(t, { nodes: t.hostNames });
  },
});
