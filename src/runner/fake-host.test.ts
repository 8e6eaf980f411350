import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localConnector } from '../connector/index.js';
import { KubexmError } from '../errors/index.js';
import { Secret } from '../secrets/index.js';
import { fakeHost } from './fake-host.js';
import { createRunner } from './runner.js';
import { sh } from './shell.js';
import type { HostRunner } from './types.js';

const digestOf = (content: string): string => createHash('sha256').update(content).digest('hex');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubexm-fake-'));
});
afterAll(() => rm(directory, { recursive: true }));

const hosts: readonly (readonly [string, () => HostRunner])[] = [
  ['the fake host', () => fakeHost()],
  ['a real one', () => createRunner(localConnector(), { name: 'localhost', sudo: false })],
];

describe.each(hosts)('files on %s', (_, make) => {
  test('are written, read, told of, removed', async () => {
    const host = make();
    const path = join(directory, 'a', 'file');
    expect(await host.stat(path)).toBeUndefined();
    expect(await host.readFile(path)).toBeUndefined();
    await host.writeFile(path, new Secret('content\n'), { mode: 0o600 });
    expect(await host.readFile(path)).toBe('content\n');
    const found = await host.statMany([path, join(directory, 'a'), '/nonexistent'], { sha256: true });
    expect(found.size).toBe(2);
    expect(found.get(path)).toMatchObject({ type: 'file', size: 8, mode: 0o600, sha256: digestOf('content\n') });
    expect(found.get(join(directory, 'a'))).toMatchObject({ type: 'directory', mode: 0o755 });
    await expect(host.readFile(join(directory, 'a'))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await expect(host.remove(join(directory, 'a'))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await host.remove(join(directory, 'a'), { recursive: true });
    await host.remove(path);
    expect(await host.stat(path)).toBeUndefined();
  });

  test('are uploaded only with the right checksum', async () => {
    const host = make();
    const source = join(directory, 'source');
    const target = join(directory, 'b', 'target');
    await writeFile(source, 'binary');
    await host.upload(source, target, { sha256: digestOf('binary'), mode: 0o755 });
    expect(await host.stat(target, { sha256: true })).toMatchObject({ mode: 0o755, sha256: digestOf('binary') });
    await expect(host.upload(source, target, { sha256: digestOf('x') })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    });
    const missing = host.upload(join(directory, 'missing'), target, { sha256: '' });
    await expect(missing).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(host.download('/nonexistent', source)).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await host.remove(join(directory, 'b'), { recursive: true });
  });
});

describe('commands on the fake host', () => {
  test('are answered from the script, first match first, and logged without secrets', async () => {
    const host = fakeHost({
      commands: [
        [
          /^kubeadm init/,
          ({ stdin }, self) => {
            self.files.put('/etc/kubernetes/admin.conf', stdin);
            return 'initialised\n';
          },
        ],
        ['id -u', { stdout: '0\n' }],
      ],
    });
    const lines: string[] = [];
    await host.run(sh`kubeadm init --token ${new Secret('canary')}`, {
      stdin: 'conf',
      onLine: (line) => lines.push(line),
    });
    expect(host.commands).toEqual(['kubeadm init --token ***']);
    expect(host.files.get('/etc/kubernetes/admin.conf')?.content).toBe('conf');
    expect(lines).toEqual(['initialised']);
    host.script('id -u', { exitCode: 1, stderr: 'no such user' });
    expect(await host.tryRun(sh`id -u`)).toMatchObject({ exitCode: 1 });
    await expect(host.run(sh`id -u`)).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      details: ['id -u', 'no such user'],
    });
  });

  test('without an answer throw and say how to give one', async () => {
    await expect(fakeHost().run(sh`reboot`)).rejects.toThrow(/has no answer for: reboot\nadd it to fakeHost/);
    await expect(fakeHost().run(sh`systemctl start x | tee y`)).rejects.toThrow('has no answer');
  });

  test('of systemd, kernel and packages do what they say', async () => {
    const host = fakeHost({ services: { etcd: { needsDaemonReload: true } }, packages: ['socat'] });
    await host.run(sh`systemctl daemon-reload && systemctl enable --now etcd`);
    const started = await host.serviceState('etcd.service');
    expect(started).toMatchObject({ load: 'loaded', active: 'active', enabled: true, needsDaemonReload: false });
    await host.run(sh`systemctl restart etcd`);
    expect((await host.serviceState('etcd')).activeSince).toBeGreaterThan(started.activeSince);
    expect(await host.tryRun(sh`systemctl start absent`)).toMatchObject({ exitCode: 5 });
    expect(await host.serviceState('absent')).toMatchObject({ load: 'not-found', active: 'inactive' });
    await host.run(sh`modprobe br_netfilter`);
    await host.run(sh`sysctl -w net.ipv4.ip_forward=1`);
    expect((await host.run(sh`sysctl -n net.ipv4.ip_forward`)).stdout).toBe('1\n');
    await host.run(sh`DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Use-Pty=0 conntrack ${'ipset=7.1'}`);
    await host.run(sh`apt-get remove -y socat`);
    expect([...host.packages]).toEqual(['conntrack', 'ipset']);
    expect([...host.modules]).toEqual(['br_netfilter']);
  });
});

describe('faults of the fake host', () => {
  test('hit the operation that they name', async () => {
    const host = fakeHost({
      files: { '/etc/x': 'old' },
      faults: [
        { on: /^writeFile \/etc\/x/, nth: 2, fault: 'disk-full' },
        { on: /^stat /, fault: 'drop-connection' },
        { on: /^run reboot/, fault: new KubexmError('LOCKED', 'own') },
      ],
    });
    await host.writeFile('/etc/x', '1');
    await expect(host.writeFile('/etc/x', '2')).rejects.toMatchObject({ code: 'HOST_DISK_FULL' });
    expect(host.files.get('/etc/x')?.content).toBe('1');
    await expect(host.stat('/etc/x')).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    await expect(host.run(sh`reboot`)).rejects.toMatchObject({ code: 'LOCKED' });
    host.faults = [];
    expect(await host.stat('/etc/x')).toBeDefined();
  });

  test('may be slowness, which a signal cuts short', async () => {
    const host = fakeHost({ faults: [{ on: /facts/, fault: { delayMs: 60_000 } }] });
    const signal = AbortSignal.timeout(50);
    await expect(host.facts({ diskPaths: [], commands: [], signal })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

test('facts are those of a healthy host, except for what is given', async () => {
  const host = fakeHost({ name: 'm1', facts: { cpus: 64 } });
  const facts = await host.facts({ diskPaths: ['/var/lib/etcd'], commands: ['tar'] });
  expect(facts).toMatchObject({ hostname: 'm1', cpus: 64, commands: ['tar'] });
  expect(facts.freeBytes['/var/lib/etcd']).toBeGreaterThan(0);
});
