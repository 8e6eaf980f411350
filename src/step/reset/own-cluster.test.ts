import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTROL_NODE } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { ownCluster } from './own-cluster.js';
import { retire } from './retire.js';

describe('ownCluster', () => {
  const ca = '/etc/kubernetes/pki/ca.crt';
  const etcdCa = '/etc/etcd/pki/ca.pem';

  async function stepWith(own: Readonly<Record<string, string>>) {
    const directory = await temporaryDirectory();
    for (const [name, text] of Object.entries(own)) await writeFile(join(directory, name), text);
    const ownCa = { kubernetes: join(directory, 'ca.crt'), etcd: join(directory, 'ca.pem') };
    return ownCluster({ cluster: 'prod', ownCa });
  }

  test.each([
    ['the CA of another cluster', { [ca]: 'other' }, { 'ca.crt': 'own', 'ca.pem': 'own' }],
    ["another etcd's CA", { [ca]: 'own', [etcdCa]: 'other' }, { 'ca.crt': 'own', 'ca.pem': 'own' }],
    ['a CA, where this machine has none', { [ca]: 'other' }, {}],
  ])('refuses a host with %s', async (_, files, own) => {
    await expect(hostTrial({ files }).precheck(await stepWith(own))).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
      message: 'node-1 belongs to another cluster than prod; nothing was changed',
    });
  });

  test("takes the cluster's own hosts, and those without any cluster", async () => {
    const step = await stepWith({ 'ca.crt': 'own', 'ca.pem': 'own' });
    const own = hostTrial({ files: { [ca]: 'own', [etcdCa]: 'own' } });
    expect(await own.precheck(step)).toMatchObject({ because: 'carries the CA of prod' });
    expect(await hostTrial().precheck(step)).toMatchObject({ because: 'no cluster is on it' });
  });
});

describe('retire', () => {
  test('moves keys aside once; empty work directories do not count', async () => {
    const from = await temporaryDirectory();
    await mkdir(join(from, 'certs', 'etcd'), { recursive: true });
    await writeFile(join(from, 'certs', 'etcd', 'ca.pem'), 'ca');
    await writeFile(join(from, 'kubeconfig'), 'config');
    const step = retire({ from, names: ['certs', 'kubeconfig'], into: join(from, 'deleted') });
    const trial = hostTrial({ name: CONTROL_NODE });
    expect((await trial.play(step)).again).toMatchObject({ state: 'satisfied' });
    const [time = ''] = await readdir(join(from, 'deleted'));
    expect(time).toMatch(/^\d{8}T\d{6}Z$/);
    expect((await readdir(join(from, 'deleted', time))).sort()).toEqual(['certs', 'kubeconfig']);
    await mkdir(join(from, 'certs', 'etcd'), { recursive: true });
    expect((await trial.precheck(step)).state).toBe('satisfied');
  });

  test('is work of the control machine alone', async () => {
    await expect(hostTrial().precheck(retire({ from: '/srv', names: [], into: '/srv' }))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });
});
