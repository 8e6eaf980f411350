import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fakeFacts } from '../../runner/fake-facts.js';
import type { HostFacts } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { type CheckHost, checkHost } from './check-host.js';
import { checkReachability } from './check-reachability.js';
import { factFindings } from './findings.js';

const needs: CheckHost = {
  cpus: 2,
  memoryBytes: 2 ** 30,
  disk: [],
  commands: ['tar'],
  ports: [{ port: 6443, owner: 'kube-apiserver', purpose: 'kube-apiserver' }],
  kubelet: true,
  etcd: true,
  cgroupV1: 'fine',
  sameHostname: [],
  sameMachineId: [],
  sameProductUuid: [],
  medianClockSkewSeconds: 0,
  mtu: 1500,
  internalAddress: '10.99.0.11',
  ownCa: { kubernetes: '/nowhere/ca.crt', etcd: '/nowhere/ca.pem' },
  etcdDataDir: '/var/lib/etcd',
};
const well: Partial<HostFacts> = { commands: ['tar'] };
const listening = (process: string) => [{ port: 6443, address: '0.0.0.0', process }];

test('a host that is as it should be has no findings', () => {
  expect(factFindings(fakeFacts('node-1', well), needs)).toEqual([]);
});

describe('what stops before anything changes', () => {
  test.each<[Partial<HostFacts>, Partial<CheckHost>, string]>([
    [{ initSystem: 'other' }, {}, 'systemd does not run here'],
    [{ kernel: '3.10.0-1160.el7' }, {}, 'kernel 3.10.0-1160.el7 is too old'],
    [{ kernel: '3.10.0-1160' }, {}, 'kernel 3.10.0-1160 is too old'],
    [{ commands: [] }, {}, 'missing commands: tar'],
    [{ cpus: 1 }, {}, '1 CPUs, 2 are needed'],
    [{ memoryBytes: 2 ** 29 }, {}, '512 MiB of memory, 1024 are needed'],
    [{ cgroup: 'v1' }, { cgroupV1: 'refused' }, 'the host has cgroup v1, which this kubelet refuses'],
    [{}, { sameMachineId: ['w1'] }, 'machine-id is the same as on w1'],
    [{ clockSkewMs: 60_000 }, {}, "the clock is 60 s away from the other hosts'"],
    [{}, { internalAddress: '10.0.0.9' }, 'no interface has the address 10.0.0.9'],
    [{ resolvConf: [] }, {}, '/etc/resolv.conf names no server; CoreDNS refuses to start'],
    [{ listening: listening('nginx') }, {}, 'port 6443 (kube-apiserver) is taken by nginx at 0.0.0.0'],
    [{ listening: listening('') }, {}, 'port 6443 (kube-apiserver) is taken by another process at 0.0.0.0'],
  ])('%j %j', (facts, over, message) => {
    const findings = factFindings(fakeFacts('node-1', { ...well, ...facts }), { ...needs, ...over });
    expect(findings).toMatchObject([{ severity: 'error', message, fix: expect.any(String) }]);
  });
});

describe('what is only warned of', () => {
  test.each<[Partial<HostFacts>, Partial<CheckHost>, string]>([
    [{ selinux: 'enforcing' }, {}, 'SELinux is enforcing'],
    [{ firewall: 'ufw' }, {}, 'ufw is active'],
    [{}, { sameProductUuid: ['w1'] }, 'product_uuid is the same as on w1'],
    [{}, { sameHostname: ['w1'] }, 'hostname is the same as on w1'],
    [{ clockSkewMs: -3000 }, {}, "the clock is 3.0 s away from the other hosts'"],
    [{ clockSkewMs: 60_000 }, { etcd: false }, "the clock is 60.0 s away from the other hosts'"],
    [{}, { mtu: 9000 }, 'MTU of eth0 is 1500, most hosts have 9000'],
  ])('%j %j', (facts, over, message) => {
    const findings = factFindings(fakeFacts('node-1', { ...well, ...facts }), { ...needs, ...over });
    expect(findings).toMatchObject([{ severity: 'warning', message }]);
  });
});

test.each<[Partial<HostFacts>, Partial<CheckHost>]>([
  // ss cuts names of processes at 15 characters.
  [{ listening: listening('kube-apiserver') }, {}],
  [{ cgroup: 'v1' }, {}],
  [{ resolvConf: [] }, { kubelet: false }],
  [{ clockSkewMs: 90_000 }, { medianClockSkewSeconds: 89 }],
])('fine: %j %j', (facts, over) => {
  expect(factFindings(fakeFacts('node-1', { ...well, ...facts }), { ...needs, ...over })).toEqual([]);
});

test.each([
  ['apt', 'apt-get install iproute2 conntrack procps kmod'],
  ['dnf', 'dnf install iproute conntrack-tools procps-ng kmod'],
  [undefined, 'install them'],
] as const)('missing commands are named as packages of %s', (packageManager, fix) => {
  const facts = fakeFacts('node-1', { ...well, packageManager, commands: [] });
  const [finding] = factFindings(facts, { ...needs, commands: ['ip', 'conntrack', 'sysctl', 'modprobe'] });
  expect(finding?.fix).toBe(`${fix}, or name the packages in spec.system.packages`);
});

describe('checkHost', () => {
  test('tells all errors at once, and warnings in the log', async () => {
    const trial = hostTrial({ facts: { ...well, cpus: 1, memoryBytes: 0, selinux: 'enforcing' } });
    await expect(trial.precheck(checkHost(needs))).rejects.toMatchObject({
      code: 'PREFLIGHT_FAILED',
      message: 'node-1: 2 checks failed',
      details: [expect.stringContaining('1 CPUs'), expect.stringContaining('MiB of memory')],
      retryable: false,
    });
    expect(trial.logs).toEqual([expect.stringContaining('warn: SELinux is enforcing')]);
  });

  test('passes, and changes nothing', async () => {
    const trial = hostTrial({ facts: well });
    expect((await trial.play(checkHost(needs))).first).toEqual({ state: 'satisfied', because: 'all checks passed' });
    expect(trial.host.commands).toEqual([]);
  });

  /** The work directory of a cluster whose CA certificates have these contents. */
  async function ownCaOf(contents: Readonly<Record<string, string>>): Promise<CheckHost['ownCa']> {
    const directory = await temporaryDirectory();
    const paths = { kubernetes: join(directory, 'ca.crt'), etcd: join(directory, 'ca.pem') };
    if (contents.kubernetes !== undefined) await writeFile(paths.kubernetes, contents.kubernetes);
    if (contents.etcd !== undefined) await writeFile(paths.etcd, contents.etcd);
    return paths;
  }
  const ca = { '/etc/kubernetes/pki/ca.crt': 'ca' };
  const etcdCa = { '/etc/etcd/pki/ca.pem': 'ca' };
  const conf = { '/etc/kubernetes/admin.conf': '' };
  const data = { '/var/lib/etcd/member/snap/db': '' };

  test.each([
    ['the CA of another cluster', ca, { kubernetes: 'other' }, /is the CA of another cluster/],
    ['a CA before this cluster has one', ca, {}, /is the CA of another cluster/],
    ['a half removed cluster', conf, { kubernetes: 'ca' }, /admin.conf without .*ca.crt: a cluster was half removed/],
    ['the CA of another etcd', { ...etcdCa, ...data }, { etcd: 'other' }, /is the CA of another etcd cluster/],
    ['data of an unknown etcd', data, { etcd: 'ca' }, /holds data of an etcd that is not this cluster's/],
  ])('refuses %s', async (_, files, own, problem) => {
    const trial = hostTrial({ facts: well, files });
    await expect(trial.precheck(checkHost({ ...needs, ownCa: await ownCaOf(own) }))).rejects.toMatchObject({
      details: [expect.stringMatching(problem)],
      hint: expect.stringMatching(/kubeadm reset|mv \/var\/lib\/etcd/),
    });
  });

  test("goes on with this cluster's own installation", async () => {
    const trial = hostTrial({ facts: well, files: { ...ca, ...conf, ...etcdCa, ...data } });
    const step = checkHost({ ...needs, ownCa: await ownCaOf({ kubernetes: 'ca', etcd: 'ca' }) });
    expect((await trial.precheck(step)).state).toBe('satisfied');
  });

  test('that was made after the plan, too', async () => {
    const ownCa = await ownCaOf({});
    const step = checkHost({ ...needs, ownCa });
    await writeFile(ownCa.kubernetes, 'ca');
    expect((await hostTrial({ facts: well, files: { ...ca, ...conf } }).precheck(step)).state).toBe('satisfied');
  });
});

describe('checkReachability', () => {
  const step = checkReachability({
    targets: [
      { host: 'm1', address: '10.0.0.1', port: 6443 },
      { host: 'm2', address: '10.0.0.2', port: 2380 },
    ],
  });

  test('what answers or refuses is reached', async () => {
    const trial = hostTrial({ commands: [[/\/dev\/tcp\//, '10.0.0.1:6443 0\n10.0.0.2:2380 1\n']] });
    expect((await trial.play(step)).first).toEqual({ state: 'satisfied', because: '2 ports answer' });
  });

  test('what a firewall says is prohibited is not the same as a port on which nothing listens', async () => {
    const said = [
      '10.0.0.1:6443 1 bash: connect: Connection refused bash: line 1: /dev/tcp/10.0.0.1/6443: Connection refused',
      '10.0.0.2:2380 1 bash: connect: No route to host bash: line 1: /dev/tcp/10.0.0.2/2380: No route to host',
    ].join('\n');
    const trial = hostTrial({ commands: [[/\/dev\/tcp\//, said]] });
    await expect(trial.precheck(step)).rejects.toMatchObject({
      details: ['m2 10.0.0.2:2380 is closed to it: no route to host'],
    });
  });

  test.each(['10.0.0.1:6443 0\n10.0.0.2:2380 124\n', '10.0.0.1:6443 0\n'])(
    'what is dropped is named: %j',
    async (out) => {
      const trial = hostTrial({ commands: [[/\/dev\/tcp\//, out]] });
      await expect(trial.precheck(step)).rejects.toMatchObject({
        code: 'PREFLIGHT_FAILED',
        details: ['m2 10.0.0.2:2380 drops packets'],
        hint: 'open the ports in the firewalls between node-1 and m2',
      });
    },
  );
});
