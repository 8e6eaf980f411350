import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { CONTROL_NODE } from '../../plan/index.js';
import { createRunner } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { generateCACert } from './ca-cert.js';
import { readCertificates } from './read-certificates.js';
import { generateSignedCert } from './signed-cert.js';

describe('readCertificates, with a real shell', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubexm-certificates-'));
    const files = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') };
    const trial = hostTrial({ name: CONTROL_NODE });
    await trial.play(generateCACert({ files, subject: { commonName: 'etcd-ca' } }));
  });

  async function read(
    directories: readonly string[],
    files: readonly unknown[] = [],
    kubeconfigs: readonly unknown[] = [],
  ) {
    const connector = localConnector(CONTROL_NODE);
    const data: unknown[] = [];
    const trial = hostTrial();
    try {
      await readCertificates({
        report: 'r',
        directories,
        files: files.map(String),
        kubeconfigs: kubeconfigs.map(String),
      }).precheck({
        ...trial.ctx,
        host: createRunner(connector, { name: CONTROL_NODE, sudo: false }),
        log: (_level, _message, of) => void data.push(of),
      });
    } finally {
      await connector.close();
    }
    return data[0];
  }

  test('names, days and digest of each; keys and other files are passed over', async () => {
    await writeFile(join(directory, 'params.pem'), '-----BEGIN DH PARAMETERS-----\n');
    const [broken, empty] = [join(directory, 'odd name.crt'), join(directory, 'zero.pem')];
    const pem = await readFile(join(directory, 'ca.pem'), 'utf8');
    await writeFile(broken, pem.replace(/\n[^-]+\n/, '\nnonsense\n'));
    await writeFile(empty, '');
    const report = (await read([directory, '/nowhere/at/all'])) as {
      certificates: unknown[];
      broken: { name: string }[];
    };
    expect(report.certificates).toEqual([
      {
        name: join(directory, 'ca.pem'),
        subject: 'CN=etcd-ca',
        sans: [],
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
        daysLeft: expect.closeTo(3650, 0),
        serial: expect.stringMatching(/^[0-9A-F]{32}$/),
        fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        signedBy: [expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)],
      },
    ]);
    expect(report.broken.map(({ name }) => name).sort()).toEqual([broken, empty]);
  });

  test('files with a key in them, bundles and kubeconfigs: who signed what; no key leaves the host', async () => {
    const [both, bundle, config] = ['both', 'bundle', 'admin.conf'].map((name) => join(directory, name));
    const files = { cert: join(directory, 'x.crt'), key: join(directory, 'x-key.pem') };
    const authority = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') };
    const trial = hostTrial({ name: CONTROL_NODE });
    await trial.play(
      generateSignedCert({ files, ca: authority, subject: { commonName: 'system:node:a' }, usages: ['client'] }),
    );
    const [caPem, pem, key] = await Promise.all(
      [authority.cert, files.cert, files.key].map((path) => readFile(path, 'utf8')),
    );
    await writeFile(both ?? '', `${pem}${key}`);
    await writeFile(bundle ?? '', `${caPem}${pem}`);
    const embedded = (text = '') => Buffer.from(text).toString('base64');
    await writeFile(
      config ?? '',
      `clusters:\n- cluster:\n    certificate-authority-data: ${embedded(caPem)}\nusers:\n- user:\n    client-certificate-data: ${embedded(pem)}\n    client-key-data: ${embedded(key)}\n`,
    );
    await rm(files.cert);
    const report = (await read([], [both, bundle, join(directory, 'none')], [config, join(directory, 'no.conf')])) as {
      certificates: { name: string; part?: string; subject: string; fingerprint: string; signedBy: string[] }[];
    };
    const root = report.certificates.find(({ part }) => part === 'authority')?.fingerprint;
    expect(report.certificates.map(({ name, part, subject, signedBy }) => [name, part, subject, signedBy])).toEqual([
      [both, undefined, 'CN=system:node:a', [root]],
      [bundle, undefined, 'CN=etcd-ca', [root]],
      [bundle, undefined, 'CN=system:node:a', [root]],
      [config, 'authority', 'CN=etcd-ca', [root]],
      [config, 'client', 'CN=system:node:a', [root]],
    ]);
  });

  test('what cannot be listed is an error, not an empty directory', async () => {
    await expect(read(['/proc/1/ns/mnt/below'])).resolves.toEqual({ certificates: [], broken: [] });
    const trial = hostTrial({ commands: [[/^files=/, { exitCode: 1, stderr: 'find: Permission denied' }]] });
    await expect(
      trial.precheck(readCertificates({ report: 'r', directories: ['/etc/etcd/pki'] })),
    ).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    });
  });
});
