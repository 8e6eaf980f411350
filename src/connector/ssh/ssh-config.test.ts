import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { SshOptions, SshTarget } from './options.js';
import { resolveTarget } from './ssh-config.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubexm-config-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function resolve(config: string, options: Partial<SshOptions> = {}): Promise<SshTarget> {
  const sshConfigFile = join(directory, 'config');
  await writeFile(sshConfigFile, config);
  return resolveTarget({
    name: 'm1',
    address: 'alias',
    knownHosts: { clusterFile: '/none' },
    sshConfigFile,
    ...options,
  });
}

const config = `
Host alias
  HostName 10.0.0.1
  Port 2222
  User deploy
  IdentityFile ~/.ssh/deploy
Host m1
  ProxyJump jumper@10.0.0.254:2200
Host *
  User everybody
`;

test('what the options leave open comes from the ssh config, for the address first, then for the name', async () => {
  vi.stubEnv('SSH_AUTH_SOCK', undefined);
  const target = await resolve(config);
  expect(target).toMatchObject({ name: 'm1', address: '10.0.0.1', port: 2222, user: 'deploy' });
  expect(target.logins).toEqual([{ type: 'privateKey', path: '~/.ssh/deploy' }]);
  expect(target.bastion).toMatchObject({ address: '10.0.0.254', port: 2200, user: 'jumper' });
  vi.unstubAllEnvs();
});

test('what the options say wins', async () => {
  const login = { type: 'agent' } as const;
  const target = await resolve(config, { port: 22, user: 'root', login, bastion: { address: '10.0.0.9' } });
  expect(target).toMatchObject({
    port: 22,
    user: 'root',
    logins: [login],
    bastion: { address: '10.0.0.9', user: 'everybody' },
  });
});

test('the name of a host does not change where its address leads', async () => {
  expect((await resolve('Host m1\n  HostName elsewhere\n')).address).toBe('alias');
});

test('jump hosts form a chain, the last next to the host', async () => {
  const target = await resolve('Host alias\n  ProxyJump one,two:23\n');
  expect(target.bastion).toMatchObject({ address: 'two', port: 23, bastion: { address: 'one', port: 22 } });
  expect((await resolve('Host alias\n  ProxyJump none\n')).bastion).toBeUndefined();
});

test('jump hosts that lead back to themselves are refused', async () => {
  await expect(resolve('Host *\n  ProxyJump jumper\n')).rejects.toThrow('loop');
});

test('included files are read, missing ones and a missing config are nothing', async () => {
  await writeFile(join(directory, 'more'), 'Host alias\n  Port 2022\n');
  expect((await resolve(`Include ${directory}/more ${directory}/nothing\n`)).port).toBe(2022);
  expect((await resolve('', { sshConfigFile: join(directory, 'nothing') })).port).toBe(22);
});
