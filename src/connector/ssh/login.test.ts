import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AuthContext } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../secrets/index.js';
import { type TestKey, testKey } from './keys.fixture.js';
import type { SshLogin, SshOptions } from './options.js';
import { type ServerOptions, type TestServer, testServer } from './server.fixture.js';
import { sshConnector } from './ssh.js';

const right = new Secret('correct horse');

describe('logging in', () => {
  let directory: string;
  let hostKey: TestKey;
  let key: TestKey;
  let server: TestServer | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubexm-login-'));
    hostKey = await testKey(directory, 'host');
    key = await testKey(directory, 'key', { type: 'rsa' });
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server?.close();
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function login(loginOptions: SshLogin, serverOptions: Omit<ServerOptions, 'hostKeys'> = {}): Promise<string> {
    server = await testServer({ hostKeys: [hostKey.path], ...serverOptions });
    return run({ port: server.port, login: loginOptions });
  }

  async function run(options: Partial<SshOptions>): Promise<string> {
    const connector = sshConnector({
      name: 'node-1',
      address: '127.0.0.1',
      user: 'tester',
      knownHosts: { userFile: join(directory, 'none'), clusterFile: join(directory, 'known_hosts') },
      sshConfigFile: false,
      ...options,
    });
    try {
      return (await connector.exec('echo in')).stdout;
    } finally {
      await connector.close();
    }
  }

  const withPassword = (context: AuthContext): boolean =>
    context.method === 'password' && context.password === right.reveal();

  test('with a password', async () => {
    expect(await login({ type: 'password', password: right }, { admit: withPassword })).toBe('in\n');
    expect(server?.tried).toEqual(['password']);
  });

  test('with a password that the host asks for in a dialogue', async () => {
    const admit = (context: AuthContext): Promise<boolean> | boolean =>
      context.method === 'keyboard-interactive' &&
      new Promise((resolve) => {
        context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => resolve(answers[0] === right.reveal()));
      });
    expect(await login({ type: 'password', password: right }, { admit, methods: ['keyboard-interactive'] })).toBe(
      'in\n',
    );
    expect(server?.tried).toEqual(['password', 'keyboard-interactive']);
  });

  test('with a wrong password is tried once, told without it, and not to be retried', async () => {
    const wrong = login(
      { type: 'password', password: new Secret('wrong-canary') },
      { admit: withPassword, methods: ['password'] },
    );
    const error = await wrong.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SSH_AUTH', retryable: false });
    expect(String(error)).toContain(`node-1 (tester@127.0.0.1:${server?.port}) refused the login with the password`);
    expect(JSON.stringify(error)).not.toContain('wrong-canary');
    expect(server?.tried).toEqual(['password']);
  });

  test('with a key', async () => {
    expect(await login({ type: 'privateKey', path: key.path })).toBe('in\n');
  });

  test('with a key that the host does not know names the key, the user and the remedy', async () => {
    const refused = login({ type: 'privateKey', path: key.path }, { admit: () => false, methods: ['publickey'] });
    await expect(refused).rejects.toMatchObject({
      code: 'SSH_AUTH',
      message: expect.stringContaining(`refused the login with the key ${key.path}; it accepts: publickey`),
      hint: expect.stringContaining(`ssh-copy-id -i ${key.path} -p`),
    });
  });

  test('with an encrypted key', async () => {
    const encrypted = await testKey(directory, 'encrypted', { passphrase: 'open sesame' });
    const path = encrypted.path;
    expect(await login({ type: 'privateKey', path, passphrase: new Secret('open sesame') })).toBe('in\n');
    await expect(run({ port: 1, login: { type: 'privateKey', path } })).rejects.toMatchObject({
      code: 'SSH_KEY_FILE',
      message: expect.stringContaining('no passphrase was given'),
    });
  });

  test.skipIf(!existsSync('/usr/bin/ssh-keygen'))(
    'with keys as ssh-keygen makes them (skipped: apt-get install openssh-client)',
    async () => {
      const path = join(directory, 'id_ed25519');
      await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', path]);
      expect(await login({ type: 'privateKey', path, passphrase: new Secret('open sesame') })).toBe('in\n');
      const port = server?.port ?? 0;
      const wrong = run({ port, login: { type: 'privateKey', path, passphrase: new Secret('canary-guess') } });
      await expect(wrong).rejects.toMatchObject({
        code: 'SSH_KEY_FILE',
        message: expect.stringContaining('cannot be decrypted'),
      });
      await expect(run({ port, login: { type: 'privateKey', path } })).rejects.toThrow('no passphrase was given');
      await expect(run({ port, login: { type: 'privateKey', path: `${path}.pub` } })).rejects.toThrow(
        'is a public key',
      );
    },
  );

  test('with a key file that is missing or no key says so before anything is sent', async () => {
    const missing = login({ type: 'privateKey', path: join(directory, 'missing') });
    await expect(missing).rejects.toMatchObject({
      code: 'SSH_KEY_FILE',
      retryable: false,
      message: expect.stringContaining('does not exist'),
    });
    const text = join(directory, 'text');
    await writeFile(text, 'not a key');
    const port = server?.port ?? 0;
    await expect(run({ port, login: { type: 'privateKey', path: text } })).rejects.toThrow('is not a private key');
    expect(server?.tried).toEqual([]);
  });

  test('with an agent that is not there', async () => {
    vi.stubEnv('SSH_AUTH_SOCK', undefined);
    await expect(login({ type: 'agent' })).rejects.toMatchObject({
      code: 'SSH_AUTH',
      hint: expect.stringContaining('ssh-add'),
    });
  });
});

describe('a host that', () => {
  let listener: Server;
  const sockets: Socket[] = [];

  async function reach(onSocket: (socket: Socket) => void): Promise<unknown> {
    listener = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', () => resolve());
    });
    const address = listener.address();
    const connector = sshConnector({
      name: 'node-1',
      address: '127.0.0.1',
      port: typeof address === 'object' && address ? address.port : 0,
      user: 'tester',
      login: { type: 'password', password: right },
      knownHosts: { userFile: '/nonexistent', clusterFile: '/nonexistent' },
      connectTimeoutMs: 400,
      sshConfigFile: false,
    });
    return connector.exec('true').catch((thrown: unknown) => thrown);
  }

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    listener.close();
  });

  test('accepts the connection and says nothing is given up in time', async () => {
    expect(await reach(() => {})).toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('SSH was not ready within 0.4 s'),
    });
  });

  test('closes each connection at once is tried three times', async () => {
    expect(await reach((socket) => socket.destroy())).toMatchObject({ code: 'HOST_UNREACHABLE' });
    expect(sockets.length).toBe(3);
  });

  test('speaks something else is named with what it said', async () => {
    expect(await reach((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))).toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
  });
});
