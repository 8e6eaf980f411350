import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { localConnector } from '../connector/index.js';
import { parseFacts } from './facts-parse.js';
import { factsSample } from './facts-sample.fixture.js';
import { parseProcNetTcp, parseSs } from './listening.js';
import { createRunner } from './runner.js';

const at = { host: 'node-1', sudo: 'root', sentAt: 1795433935110, receivedAt: 1795433935152 } as const;

test('a Debian host', () => {
  expect(parseFacts(factsSample(), at)).toEqual({
    hostname: 'node1',
    os: { id: 'debian', idLike: [], version: '13', name: 'Debian GNU/Linux 13 (trixie)' },
    arch: 'amd64',
    kernel: '6.12.43+deb13-amd64',
    cgroup: 'v2',
    cpus: 2,
    memoryBytes: 24684096 * 1024,
    swap: false,
    machineId: 'fc70688f720c5c887799607714076d5d',
    productUuid: '4c4c4544-0042-3510-8051-b4c04f4a4332',
    packageManager: 'apt',
    initSystem: 'systemd',
    selinux: 'disabled',
    firewall: 'none',
    ipv4: [{ interface: 'host0', address: '10.99.0.11', prefix: 24, mtu: 1500 }],
    defaultInterface: 'host0',
    clockSkewMs: 0,
    freeBytes: { '/': 17022823 * 4096, '/var/lib/etcd': 17022823 * 4096 },
    fileSystems: { '/': '/dev/vda1', '/var/lib/etcd': '/dev/vda1' },
    listening: [
      { port: 22, address: '0.0.0.0', process: 'sshd' },
      { port: 22, address: '::', process: 'sshd' },
    ],
    commands: ['tar', 'systemctl'],
    leftovers: [],
    sudo: 'root',
    resolvConf: ['10.99.0.1'],
    sshMaxSessions: 10,
  });
});

test('an Ubuntu host with ufw, swap and a used port', () => {
  const os = 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian';
  const facts = parseFacts(
    factsSample({
      os,
      arch: 'aarch64',
      ufw: 'ENABLED=yes',
      swap: 'Filename\tType\tSize\tUsed\tPriority\n/swap.img                               file\t\t4194300\t\t0\t\t-2',
      listening:
        'LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=5,fd=14))\nLISTEN 0 4096 *:6443 *:*',
      leftovers: '/etc/kubernetes/admin.conf\n/var/lib/etcd/member',
      resolv: '# made by systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org',
    }),
    at,
  );
  expect(facts).toMatchObject({
    os: { id: 'ubuntu', idLike: ['debian'], version: '24.04' },
    arch: 'arm64',
    firewall: 'ufw',
    swap: true,
    listening: [
      { port: 53, address: '127.0.0.53', process: 'systemd-resolve' },
      { port: 6443, address: '::', process: '' },
    ],
    leftovers: ['/etc/kubernetes/admin.conf', '/var/lib/etcd/member'],
    resolvConf: ['127.0.0.53'],
  });
});

test('a Rocky host with dnf, SELinux, firewalld and no default route', () => {
  const os = `NAME="Rocky Linux"
VERSION="9.5 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.5"
PRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"`;
  const packages = '/usr/bin/dnf\n/usr/bin/yum';
  const facts = parseFacts(
    factsSample({ os, packages, selinux: '1', firewalld: 'active', route: '', sshd: '', 'product-uuid': '' }),
    at,
  );
  expect(facts).toMatchObject({
    os: { id: 'rocky', idLike: ['rhel', 'centos', 'fedora'], version: '9.5' },
    packageManager: 'dnf',
    selinux: 'enforcing',
    firewall: 'firewalld',
    defaultInterface: undefined,
    sshMaxSessions: undefined,
    productUuid: '',
  });
});

describe('the clock', () => {
  test('of a slow answer is not ahead', () => {
    const slow = { ...at, sentAt: at.sentAt - 500, receivedAt: at.receivedAt + 500 };
    expect(parseFacts(factsSample(), slow).clockSkewMs).toBe(0);
  });

  test('is told with its sign', () => {
    const early = { ...at, sentAt: at.sentAt - 30_000, receivedAt: at.receivedAt - 30_000 };
    expect(parseFacts(factsSample(), early).clockSkewMs).toBe(30_000);
  });
});

describe('unknown never passes as a fact', () => {
  test('when the answer is cut off', () => {
    expect(() => parseFacts(factsSample().slice(0, -40), at)).toThrow('cannot gather the facts of node-1');
  });

  test.each(['hostname', 'os', 'arch', 'kernel', 'cpus', 'memory', 'time'])('when %s is missing', (section) => {
    expect(() => parseFacts(factsSample({ [section]: '' }), at)).toThrow(`it does not tell its ${section}`);
  });

  test('when numbers are none', () => {
    expect(() => parseFacts(factsSample({ cpus: 'many' }), at)).toThrow('its cpus is many');
    expect(() => parseFacts(factsSample({ disks: 'x 4096 42 /' }), at)).toThrow('its free disk space is');
  });

  test('and other architectures are not supported', () => {
    const failing = (): unknown => parseFacts(factsSample({ arch: 'riscv64' }), at);
    expect(failing).toThrow('node-1 has the architecture riscv64');
  });
});

test('ports from /proc, where there is no ss', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0B00630A:0016 0100630A:C350 01 00000000:00000000 00:00000000 00000000     0        0 3
   0: 00000000000000000000000000000000:192B 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 4
   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 5`;
  expect(parseProcNetTcp(text)).toEqual([
    { port: 22, address: '0.0.0.0', process: '' },
    { port: 8080, address: '127.0.0.1', process: '' },
    { port: 6443, address: '::', process: '' },
    { port: 631, address: '0000:0000:0000:0000:0000:0000:0000:0001', process: '' },
  ]);
  expect(parseSs('')).toEqual([]);
});

test('this machine answers', async () => {
  const runner = createRunner(localConnector(), { name: 'localhost', sudo: false });
  const facts = await runner.facts({ diskPaths: ['/', '/nowhere yet/below'], commands: ['sh', 'no-such-command'] });
  expect(facts).toMatchObject({ hostname: hostname(), commands: ['sh'] });
  expect(facts.freeBytes['/nowhere yet/below']).toBeGreaterThan(0);
  expect(facts.fileSystems['/nowhere yet/below']).toMatch(/^(\/dev\/\S+|\d+)$/);
  expect(facts.fileSystems['/nowhere yet/below']).toBe(facts.fileSystems['/']);
  // Half of a round trip, which on a busy machine may be long.
  expect(Math.abs(facts.clockSkewMs)).toBeLessThan(5000);
});
