import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { testKey } from './keys.fixture.js';
import { sshConnector } from './ssh.js';
import { realSshd, sshdMissing } from './sshd.fixture.js';

const agentPath = '/usr/bin/ssh-agent';
const agentMissing = existsSync(agentPath) ? undefined : 'skipped: apt-get install openssh-client';
const missing = sshdMissing ?? agentMissing;

/** A real sshd, and a real agent with its socket in SSH_AUTH_SOCK; both end with the test. */
async function setting() {
  const sshd = await realSshd();
  const socket = join(sshd.directory, 'agent.sock');
  const agent = spawn(agentPath, ['-D', '-a', socket], { stdio: 'ignore' });
  onTestFinished(async () => {
    agent.kill();
    await sshd.stop();
  });
  await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
  vi.stubEnv('SSH_AUTH_SOCK', socket);
  onTestFinished(() => void vi.unstubAllEnvs());
  const connector = sshConnector({
    name: 'node-1',
    address: '127.0.0.1',
    port: sshd.port,
    user: sshd.user,
    login: { type: 'agent' },
    knownHosts: { userFile: join(sshd.directory, 'none'), clusterFile: join(sshd.directory, 'known_hosts') },
    sshConfigFile: false,
  });
  onTestFinished(() => connector.close());
  return { sshd, agent, socket, connector, add: (path: string) => promisify(execFile)('ssh-add', ['-q', path]) };
}

describe.skipIf(missing !== undefined)(
  `a login with a real agent${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    test('uses the right one of its keys', async () => {
      const { sshd, connector, add } = await setting();
      await add((await testKey(sshd.directory, 'other', { type: 'rsa' })).path);
      await add(sshd.key.path);
      expect((await connector.exec('echo in')).stdout).toBe('in\n');
    });

    test('is refused where the host knows none of its keys, and that says what to do', async () => {
      const { sshd, connector, add } = await setting();
      await add((await testKey(sshd.directory, 'other')).path);
      await expect(connector.exec('true')).rejects.toMatchObject({
        code: 'SSH_AUTH',
        message: expect.stringMatching(/^node-1 .* refused the login with the keys of the SSH agent/),
        hint: expect.stringContaining('ssh-copy-id'),
        retryable: false,
      });
    });

    test('with an agent that holds no key is a refused login, not a host that is down', async () => {
      const { connector } = await setting();
      await expect(connector.exec('true')).rejects.toMatchObject({ code: 'SSH_AUTH', retryable: false });
    });

    test('with an agent that has ended says that, and is not tried again', async () => {
      const { agent, socket, connector } = await setting();
      const ended = new Promise((resolve) => agent.once('exit', resolve));
      agent.kill();
      await ended;
      await expect(connector.exec('true')).rejects.toMatchObject({
        code: 'SSH_AUTH',
        message: expect.stringContaining(`nothing answers at SSH_AUTH_SOCK (${socket})`),
        retryable: false,
      });
    });

    test('opens a bastion and the host behind it alike', async () => {
      const { sshd, add } = await setting();
      await add(sshd.key.path);
      const options = {
        address: '127.0.0.1',
        port: sshd.port,
        user: sshd.user,
        login: { type: 'agent' },
        knownHosts: { userFile: join(sshd.directory, 'none'), clusterFile: join(sshd.directory, 'known_hosts') },
        sshConfigFile: false,
      } as const;
      const behind = sshConnector({ ...options, name: 'node-1', bastion: { ...options, name: 'bastion' } });
      onTestFinished(() => behind.close());
      expect((await behind.exec('echo in')).stdout).toBe('in\n');
    });
  },
);
