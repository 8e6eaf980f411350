import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { localConnector } from '../../connector/index.js';
import { CONTROL_NODE } from '../../plan/index.js';
import { createRunner } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { generateCACert } from './ca-cert.js';
import { readCertificates } from './read-certificates.js';

describe('readCertificates, with a real shell', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubexm-certificates-'));
    const files = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') };
    const trial = hostTrial({ name: CONTROL_NODE });
    await trial.play(generateCACert({ files, subject: { commonName: 'etcd-ca' } }));
  });

  async function read(directories: readonly string[]) {
    const connector = localConnector(CONTROL_NODE);
    const data: unknown[] = [];
    const trial = hostTrial();
    try {
      await readCertificates({ report: 'r', directories }).precheck({
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
      },
    ]);
    expect(report.broken.map(({ name }) => name).sort()).toEqual([broken, empty]);
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
