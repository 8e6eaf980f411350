import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestKey, testKey } from './keys.fixture.js';
import { fingerprint, parseKnownHosts } from './known-hosts.js';
import type { FirstUse, SshOptions } from './options.js';
import { type TestServer, testServer } from './server.fixture.js';
import { sshConnector } from './ssh.js';

describe('lines of known_hosts', () => {
  const found = (text: string, host: string): number[] => parseKnownHosts(text, 'file', host).map(({ line }) => line);

  test.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.10', false],
    ['node-1,10.0.0.1', '10.0.0.1', true],
    ['Node-1', 'node-1', true],
    ['[10.0.0.1]:2222', '[10.0.0.1]:2222', true],
    ['[10.0.0.1]:2222', '10.0.0.1', false],
    ['10.0.0.*', '10.0.0.7', true],
    ['10.0.0.*,!10.0.0.7', '10.0.0.7', false],
    ['node-?', 'node-1', true],
    ['node-?', 'node-10', false],
  ])('%s speaks of %s: %s', (names, host, expected) => {
    expect(found(`${names} ssh-ed25519 AAAA`, host)).toEqual(expected ? [1] : []);
  });

  test('hashed names are recognised', () => {
    const salt = randomBytes(20);
    const digest = createHmac('sha1', salt).update('[10.0.0.1]:2222').digest('base64');
    const text = `|1|${salt.toString('base64')}|${digest} ssh-ed25519 AAAA comment`;
    expect(found(text, '[10.0.0.1]:2222')).toEqual([1]);
    expect(found(text, '10.0.0.1')).toEqual([]);
  });

  test('comments, authorities and broken lines are passed over', () => {
    const text = ['# a b c', '', 'node-1', '@cert-authority node-1 ssh-ed25519 AAAA', 'node-1 ssh-ed25519 AAAA'].join(
      '\n',
    );
    expect(found(text, 'node-1')).toEqual([5]);
  });

  test('revoked keys are marked', () => {
    expect(parseKnownHosts('@revoked * ssh-ed25519 AAAA', 'file', 'node-1')).toMatchObject([{ revoked: true }]);
  });
});

describe('host keys', () => {
  let directory: string;
  let hostKey: TestKey;
  let otherKey: TestKey;
  let rsaKey: TestKey;
  let server: TestServer;
  let userFile: string;
  let clusterFile: string;
  let uses: FirstUse[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubexm-hostkey-'));
    hostKey = await testKey(directory, 'host');
    otherKey = await testKey(directory, 'other');
    rsaKey = await testKey(directory, 'rsa', { type: 'rsa' });
    server = await testServer({ hostKeys: [hostKey.path, rsaKey.path] });
    userFile = join(directory, 'user_known_hosts');
    clusterFile = join(directory, 'cluster', 'known_hosts');
  });
  beforeEach(async () => {
    uses = [];
    await rm(userFile, { force: true });
    await rm(join(directory, 'cluster'), { recursive: true, force: true });
  });
  afterAll(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  async function connect(options: Partial<SshOptions> = {}): Promise<void> {
    const connector = sshConnector({
      name: 'node-1',
      address: '127.0.0.1',
      port: server.port,
      user: 'tester',
      login: { type: 'privateKey', path: hostKey.path },
      knownHosts: { userFile, clusterFile },
      onFirstUse: (use) => uses.push(use),
      sshConfigFile: false,
      ...options,
    });
    try {
      await connector.exec('true');
    } finally {
      await connector.close();
    }
  }

  const name = (): string => `[127.0.0.1]:${server.port}`;
  const print = (key: TestKey): string => fingerprint(Buffer.from(key.publicKey.split(' ')[1] ?? '', 'base64'));

  test('the first use is recorded and told, the second is not', async () => {
    await connect();
    expect(uses).toEqual([
      {
        name: 'node-1',
        address: '127.0.0.1',
        port: server.port,
        keyType: 'ecdsa-sha2-nistp256',
        fingerprint: print(hostKey),
        recordedIn: clusterFile,
      },
    ]);
    expect(await readFile(clusterFile, 'utf8')).toBe(`${name()} ${hostKey.publicKey}\n`);
    expect((await stat(clusterFile)).mode & 0o777).toBe(0o600);
    await connect();
    expect(uses.length).toBe(1);
  });

  test("a key that is in the user's file is known", async () => {
    await writeFile(userFile, `${name()} ${hostKey.publicKey}\n`);
    await connect();
    expect(uses).toEqual([]);
  });

  test('a host is asked for the type of key that is known', async () => {
    await writeFile(userFile, `${name()} ${rsaKey.publicKey}\n`);
    await connect();
    expect(uses).toEqual([]);
  });

  test('a changed key is refused with the command that forgets it, once and not again', async () => {
    await writeFile(userFile, `# mine\n${name()} ${otherKey.publicKey}\n`);
    const before = server.tried.length;
    await expect(connect()).rejects.toMatchObject({
      code: 'SSH_HOST_KEY',
      retryable: false,
      message: expect.stringContaining(
        `node-1 (127.0.0.1:${server.port}) shows the key ecdsa-sha2-nistp256 ${print(hostKey)}`,
      ),
      hint: expect.stringContaining(`ssh-keygen -f ${userFile} -R '${name()}'`),
    });
    expect(server.tried.length).toBe(before);
    expect(uses).toEqual([]);
  });

  test("a changed key in the cluster's file is refused with its line", async () => {
    await connect();
    await writeFile(clusterFile, `other ${hostKey.publicKey}\n${name()} ${otherKey.publicKey}\n`);
    await expect(connect()).rejects.toMatchObject({
      code: 'SSH_HOST_KEY',
      hint: expect.stringContaining(`sed -i 2d ${clusterFile}`),
    });
  });

  test('a key of another type than the known ones is no first use', async () => {
    await writeFile(
      userFile,
      `${name()} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVl\n`,
    );
    await expect(connect()).rejects.toMatchObject({ code: 'SSH_HOST_KEY' });
    expect(uses).toEqual([]);
  });

  test('a revoked key is refused although it is known', async () => {
    await writeFile(userFile, `${name()} ${hostKey.publicKey}\n@revoked * ${hostKey.publicKey}\n`);
    await expect(connect()).rejects.toThrow(`uses a revoked key`);
  });

  test('a pinned key is all that counts', async () => {
    await connect({ hostKey: print(hostKey) });
    await connect({ hostKey: rsaKey.publicKey });
    expect(uses).toEqual([]);
    await expect(connect({ hostKey: otherKey.publicKey })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY',
      retryable: false,
    });
    await expect(connect({ hostKey: print(otherKey) })).rejects.toThrow('hostKey in the config');
  });
});
