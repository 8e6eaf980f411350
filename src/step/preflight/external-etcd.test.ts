import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { CONTROL_NODE } from '../../plan/index.js';
import { createRunner, type HostRunner } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { generateCACert } from '../pki/ca-cert.js';
import { generateSignedCert } from '../pki/signed-cert.js';
import { checkEtcdClient, checkExternalEtcd } from './external-etcd.js';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubexm-external-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('the client certificate of an external etcd', () => {
  async function files({ validDays = 365 } = {}) {
    const base = await directory();
    const pair = (name: string) => ({ cert: join(base, `${name}.pem`), key: join(base, `${name}-key.pem`) });
    const trial = hostTrial({ name: CONTROL_NODE });
    await trial.play(generateCACert({ files: pair('ca'), subject: { commonName: 'their-ca' } }));
    await trial.play(
      generateSignedCert({
        files: pair('client'),
        ca: pair('ca'),
        subject: { commonName: 'kube-apiserver' },
        usages: ['client'],
        validDays,
        renewBeforeDays: 0,
      }),
    );
    return { trial, pair };
  }

  test('is good', async () => {
    const { trial, pair } = await files();
    const answer = await trial.precheck(checkEtcdClient({ ca: pair('ca').cert, client: pair('client') }));
    expect(answer.because).toBe('it is good for 364 days');
    expect(trial.logs).toEqual([]);
  });

  test('that runs out soon is warned of', async () => {
    const { trial, pair } = await files({ validDays: 12 });
    await trial.precheck(checkEtcdClient({ ca: pair('ca').cert, client: pair('client') }));
    expect(trial.logs).toEqual([expect.stringMatching(/client\.pem runs out in 11 days/)]);
  });

  test('with the key of another one, or none, stops', async () => {
    const { trial, pair } = await files();
    const [ca, client] = [pair('ca'), pair('client')];
    await expect(
      trial.precheck(checkEtcdClient({ ca: ca.cert, client: { cert: client.cert, key: ca.key } })),
    ).rejects.toThrow('is not the key of');
    await expect(
      trial.precheck(checkEtcdClient({ ca: ca.cert, client: { cert: client.cert, key: '/nowhere/key.pem' } })),
    ).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED', message: '/nowhere/key.pem is not there' });
  });
});

describe('the endpoints of an external etcd', () => {
  const endpoints = ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'];
  const secrets = { 'file:/c.pem': 'CERT', 'file:/k.pem': 'canary-key', 'file:/ca.pem': 'AUTHORITY' };
  const step = checkExternalEtcd({
    endpoints,
    cert: { $secret: 'file:/c.pem' },
    key: { $secret: 'file:/k.pem' },
    ca: { $secret: 'file:/ca.pem' },
  });
  const well = (endpoint: string, version = '3.6.14') =>
    `@@${endpoint} health {"health":"true","reason":""} \n@@${endpoint} version {"etcdserver":"${version}","etcdcluster":"3.6.0"} \n`;
  const refused = (endpoint: string) =>
    `@@${endpoint} health curl: (56) tlsv13 alert certificate required \n@@${endpoint} version curl: (56) alert \n`;
  const [first = '', second = ''] = endpoints;
  const trialOf = (stdout: string) => hostTrial({ name: 'm1', secrets, commands: [[/curl/, stdout]] });

  test('answer', async () => {
    const trial = trialOf(well(first) + well(second));
    expect((await trial.precheck(step)).because).toBe('etcd 3.6.14 answers');
    expect(trial.logs).toEqual([]);
  });

  test('of which one cannot be used are warned of; none is an error', async () => {
    const trial = trialOf(well(first) + refused(second));
    expect((await trial.precheck(step)).state).toBe('satisfied');
    expect(trial.logs).toEqual([expect.stringContaining('alert certificate required')]);
    await expect(trialOf(refused(first)).precheck(step)).rejects.toMatchObject({
      code: 'PREFLIGHT_FAILED',
      details: [expect.stringContaining('certificate required'), `${second} does not answer`],
    });
  });

  test('of other versions: too old stops, different ones are warned of', async () => {
    const trial = trialOf(well(first) + well(second, '3.5.26'));
    await trial.precheck(step);
    expect(trial.logs).toEqual(['warn: the endpoints have different versions: 3.6.14, 3.5.26']);
    await expect(trialOf(well(first, '3.4.30') + well(second, '3.4.30')).precheck(step)).rejects.toMatchObject({
      details: expect.arrayContaining([`${first} has etcd 3.4.30, 3.5 or newer is needed`]),
    });
  });

  test('cannot be asked without curl, and that is said', async () => {
    const trial = trialOf('no-curl\n');
    expect((await trial.precheck(step)).state).toBe('satisfied');
    expect(trial.logs).toEqual([expect.stringContaining('m1 has no curl')]);
  });

  test('with a real shell: curl gets the files, and they are gone afterwards', async () => {
    const base = await directory();
    const connector = localConnector('m1');
    onTestFinished(() => connector.close());
    const runner = createRunner(connector, { name: 'm1', sudo: false });
    // A curl that shows what it was given.
    const stand = `#!/bin/sh\nwhile [ $# -gt 1 ]; do case $1 in --cacert) ca=$2;; --cert) c=$2;; esac; shift; done\ncase $1 in */health) echo '{"health":"true"}';; *) echo "{\\"etcdserver\\":\\"3.6.$(grep -c . "$c")$(cat "$ca")\\"}"; dirname "$c" >'${base}/where';; esac\n`;
    await writeFile(join(base, 'curl'), stand, { mode: 0o755 });
    const own = hostTrial({ name: 'm1', secrets });
    const host: HostRunner = {
      ...own.ctx.host,
      run: (command, options) => runner.run({ ...command, text: `PATH=${base}:$PATH; ${command.text}` }, options),
    };
    const answer = await step.precheck({ ...own.ctx, host });
    expect(answer.because).toBe('etcd 3.6.2AUTHORITY answers');
    const where = (await readFile(join(base, 'where'), 'utf8')).trim();
    await expect(readdir(where)).rejects.toThrow('ENOENT');
  });
});
