import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectorContract } from '../contract.fixture.js';
import type { Connector } from '../types.js';
import { testKey } from './keys.fixture.js';
import type { SshOptions } from './options.js';
import { type TestServer, testServer } from './server.fixture.js';
import { sshConnector } from './ssh.js';
import { type RealSshd, realSshd, sshdMissing } from './sshd.fixture.js';

connectorContract('ssh against a server in this process', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kubexm-ssh-'));
  const key = await testKey(directory, 'key');
  const server = await testServer({ hostKeys: [key.path] });
  const connector = sshConnector({
    name: 'node-1',
    address: '127.0.0.1',
    port: server.port,
    user: 'tester',
    login: { type: 'privateKey', path: key.path },
    knownHosts: { userFile: join(directory, 'none'), clusterFile: join(directory, 'known_hosts') },
    sshConfigFile: false,
  });
  return {
    connector,
    dispose: async () => {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
});

describe.skipIf(sshdMissing !== undefined)(`a real sshd${sshdMissing === undefined ? '' : ` (${sshdMissing})`}`, () => {
  let sshd: RealSshd;
  const optionsOf = ({ port, user, key, directory }: RealSshd): SshOptions => ({
    name: 'node-1',
    address: '127.0.0.1',
    port,
    user,
    login: { type: 'privateKey', path: key.path },
    knownHosts: { userFile: join(directory, 'none'), clusterFile: join(directory, 'known_hosts') },
    sshConfigFile: false,
  });

  beforeAll(async () => {
    sshd = await realSshd();
  });
  afterAll(() => sshd.stop());

  connectorContract('ssh against a real sshd', async () => {
    const own = await realSshd();
    return { connector: sshConnector(optionsOf(own)), dispose: () => own.stop() };
  });

  test('an interrupted command does not go on running on the host', async () => {
    const connector = sshConnector(optionsOf(sshd));
    const running = (seconds: number): Promise<string> =>
      connector.exec(`ps -eo args | grep -c "^sleep ${seconds}$"`).then(({ stdout }) => stdout.trim());
    for (const ownChannel of [false, true]) {
      const seconds = ownChannel ? 41.25 : 42.25;
      const command = connector.exec(`sleep ${seconds}; true`, { timeoutMs: 300, ownChannel });
      await expect(command).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
      await expect.poll(() => running(seconds)).toBe('0');
    }
    await connector.close();
  });

  test('a host that allows two sessions serves many commands', async () => {
    const narrow = await realSshd(['MaxSessions 2']);
    const connector = sshConnector(optionsOf(narrow));
    const commands = Array.from({ length: 12 }, (_, index) =>
      connector.exec(`sleep 0.05; echo ${index}`, { ownChannel: index % 2 === 0 }),
    );
    const results = await Promise.all(commands);
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(commands.map((_, index) => index));
    await connector.close();
    await narrow.stop();
  });

  test('a host that drops connections when many come at once is reached by all', async () => {
    const crowded = await realSshd(['MaxStartups 6:100:6']);
    const connectors = Array.from({ length: 24 }, () => sshConnector(optionsOf(crowded)));
    const results = await Promise.all(connectors.map((connector) => connector.exec('echo in')));
    expect(results.every(({ stdout }) => stdout === 'in\n')).toBe(true);
    await Promise.all(connectors.map((connector) => connector.close()));
    await crowded.stop();
  });

  test('a bastion is connected to once for all hosts behind it', async () => {
    const { login: _, ...bastion } = optionsOf(sshd);
    const inner = await realSshd();
    const key = { type: 'privateKey', path: sshd.key.path } as const;
    const options = { ...optionsOf(inner), bastion: { ...bastion, name: 'bastion', login: key } };
    const connectors = [sshConnector(options), sshConnector(options)];
    const sources = await Promise.all(connectors.map((connector) => connector.exec('echo $SSH_CLIENT')));
    expect(sources.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const closed = { ...options, port: 1, name: 'behind' };
    await expect(sshConnector(closed).exec('true')).rejects.toThrow(
      /behind .* cannot be reached: .* from the bastion bastion/,
    );
    await Promise.all(connectors.map((connector) => connector.close()));
    await inner.stop();
  });
});

describe('a connection that is lost', () => {
  let directory: string;
  let server: TestServer;
  let connector: Connector;
  let options: SshOptions;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubexm-ssh-'));
    const key = await testKey(directory, 'key');
    server = await testServer({ hostKeys: [key.path] });
    options = {
      name: 'node-1',
      address: '127.0.0.1',
      port: server.port,
      user: 'tester',
      login: { type: 'privateKey', path: key.path },
      knownHosts: { userFile: join(directory, 'none'), clusterFile: join(directory, 'known_hosts') },
      sshConfigFile: false,
    };
    connector = sshConnector(options);
  });
  afterAll(async () => {
    await connector.close();
    await server.close();
    await rm(directory, { recursive: true });
  });

  test.each([true, false])(
    'fails what runs on it, and the next command connects again (own channel: %s)',
    async (ownChannel) => {
      await connector.exec('true');
      const running = connector.exec('sleep 20', { ownChannel });
      setTimeout(() => server.drop(), 200);
      await expect(running).rejects.toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringContaining('node-1'),
      });
      expect((await connector.exec('echo again')).stdout).toBe('again\n');
    },
  );

  test('while idle is not noticed by anyone', async () => {
    await connector.exec('true');
    server.drop();
    await expect.poll(() => server.connections.size).toBe(0);
    const results = await Promise.all([connector.exec('echo 1'), connector.exec('echo 2', { ownChannel: true })]);
    expect(results.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n']);
    expect(server.connections.size).toBe(1);
  });

  test('because the host is gone is told as such', async () => {
    const gone = sshConnector({ ...options, port: 1 });
    await expect(gone.exec('true')).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: 'node-1 (127.0.0.1:1) cannot be reached: connection refused, nothing listens on this port',
    });
  });
});
