import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../hosts/command.js';
import {
  ensurePrivateRegistryFiles,
  passwordHash,
  privateRegistry,
  privateRegistryConfig,
} from './private-registry.js';

const address = '127.0.0.1:5443';
let stateDir = '';
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'kubexm-private-registry-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

test('the certificate is for the address, from the CA that is handed out', async () => {
  await ensurePrivateRegistryFiles(address, stateDir);
  const { caFile } = privateRegistry(address, stateDir);
  const ca = new X509Certificate(await readFile(caFile));
  const server = new X509Certificate(await readFile(join(stateDir, 'private-registry', 'server.pem')));
  expect(ca.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(server.verify(ca.publicKey)).toBe(true);
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
});

test('a second start keeps the CA that somebody may have been given', async () => {
  const { caFile } = privateRegistry(address, stateDir);
  await ensurePrivateRegistryFiles(address, stateDir);
  const before = await readFile(caFile, 'utf8');
  await ensurePrivateRegistryFiles(address, stateDir);
  expect(await readFile(caFile, 'utf8')).toBe(before);
});

test('the password is in a file of its own that only root reads', async () => {
  await ensurePrivateRegistryFiles(address, stateDir);
  const { password, passwordFile } = privateRegistry(address, stateDir);
  expect((await readFile(passwordFile, 'utf8')).trim()).toBe(password);
  expect((await stat(passwordFile)).mode & 0o777).toBe(0o600);
});

test('the hash that the registry reads is of the password that is handed out', async () => {
  const { password } = privateRegistry(address, stateDir);
  const script = 'chomp(my $word = <STDIN>); print crypt($word, $ARGV[0])';
  const { stdout, exitCode } = await run(['perl', '-e', script, passwordHash], { stdin: `${password}\n` });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(passwordHash);
});

test('it serves what the open registry serves, on its own address, to those who log in', () => {
  const open = { storage: { filesystem: { rootdirectory: '/site/registry' } }, http: { addr: '127.0.0.1:5000' } };
  expect(privateRegistryConfig(open, address, '/state')).toEqual({
    storage: open.storage,
    http: {
      addr: address,
      tls: {
        certificate: '/state/private-registry/server.pem',
        key: '/state/private-registry/server-key.pem',
      },
    },
    auth: { htpasswd: { realm: 'kubexm-lab', path: '/state/private-registry/htpasswd' } },
  });
});
