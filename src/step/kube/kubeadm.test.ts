import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from '../pki/ca-cert.js';
import { generateSignedCert } from '../pki/signed-cert.js';
import { kubeadmAddon, kubeadmInit, kubeadmJoin } from './kubeadm.js';

const token = { $secret: 'file:/srv/token' };
const secrets = { 'file:/srv/token': 'abcdef.0123456789abcdef' };
const admin = '/etc/kubernetes/admin.conf';
const initDone = '/var/lib/kubexm/kubeadm-init.done';
const joinDone = '/var/lib/kubexm/kubeadm-join.done';
const kubelet = '/etc/kubernetes/kubelet.conf';
const bootstrap = '/etc/kubernetes/bootstrap-kubelet.conf';
const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const begun = '/var/lib/kubexm/kubeadm-join.begun';
const flags = '/var/lib/kubelet/kubeadm-flags.env';
const scheduler = '/etc/kubernetes/manifests/kube-scheduler.yaml';
const filesOf = (paths: readonly string[]) => Object.fromEntries(paths.map((path) => [path, 'x']));

type Answers = readonly (readonly [RegExp, FakeAnswer])[];
const idle: Answers = [[/show -p ActiveState --value kubexm-kubeadm/, 'inactive\n']];
const serving: Answers = [[/get configmap\/kubeadm-config daemonset\/kube-proxy/, 'configmap/kubeadm-config\n']];
const configMaps: Answers = [
  [/get configmap kubeadm-config/, JSON.stringify({ metadata: { name: 'kubeadm-config' }, data: { a: 'b' } })],
  [/ annotate /, ''],
  // Where the config has none.
  [/get daemonset\/kube-proxy --ignore-not-found/, ''],
];
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');
const kubeadm: Answers = [[/systemd-run .*\/kubeadm /s, '']];

describe('kubeadmInit', () => {
  const step = kubeadmInit({
    nodeName: 'm1',
    documents: [{ kind: 'InitConfiguration', bootstrapTokens: [{ token: '$token' }] }],
    token,
    ignorePreflightErrors: ['Swap'],
  });

  test.each<[string, readonly string[], Answers, string, string]>([
    ['a fresh host', [], idle, 'needed', 'there is no control plane yet'],
    [
      'a kubeadm of an earlier run',
      [],
      [[/ActiveState/, 'activating\n']],
      'needed',
      'kubeadm of an earlier run is still at work',
    ],
    [
      'a finished control plane',
      [admin, initDone],
      [...idle, ...serving],
      'satisfied',
      'the API serves and kubeadm has finished',
    ],
    [
      'a control plane that is down',
      [admin, initDone],
      [...idle, [/configmap/, { exitCode: 1 }]],
      'needed',
      'the control plane was made, but its API does not answer now',
    ],
    [
      'an init that broke off',
      [admin],
      [...idle, [/configmap/, { exitCode: 1 }]],
      'needed',
      'kubeadm init did not finish',
    ],
  ])('%s', async (_, paths, commands, state, because) => {
    const trial = hostTrial({ files: filesOf(paths), commands });
    expect(await trial.precheck(step)).toMatchObject({ state, because });
  });

  test('gives the token over stdin, keeps it from the command, and leaves CoreDNS for later', async () => {
    const trial = hostTrial({ secrets, commands: [...idle, ...kubeadm, ...configMaps] });
    await trial.play(step);
    const at = trial.host.commands.findIndex((text) => text.includes('systemd-run'));
    const run = trial.host.commands[at] ?? '';
    expect(run).toContain('--skip-phases=addon/coredns --skip-token-print');
    expect(run).toMatch(/--ignore-preflight-errors=\S*Port-6443\S*,Swap/);
    expect(run).toContain(initDone);
    expect(trial.host.stdins[at]).toBe('***');
    expect(trial.host.operations.join('\n')).not.toContain('0123456789abcdef');
  });

  test('notes from what the files and the ConfigMaps were made', async () => {
    const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    const trial = hostTrial({
      secrets,
      commands: [...idle, [/systemd-run/, (_call, host) => (host.files.put(manifest, 'a pod'), '')], ...configMaps],
    });
    await trial.play(step);
    const stamp = JSON.parse(trial.host.files.get('/var/lib/kubexm/static-pods.json')?.content ?? '');
    expect(stamp).toEqual({
      inputs: expect.stringMatching(/^[0-9a-f]{64}$/),
      files: { [manifest]: sha256Of('a pod') },
    });
    expect(trial.host.files.has('/var/lib/kubexm/kubelet.json')).toBe(true);
    expect(trial.host.commands.filter((text) => text.includes(' annotate '))).toEqual([
      expect.stringMatching(/configmap\/kubeadm-config kubexm.io\/inputs=[0-9a-f]{64} kubexm.io\/data=[0-9a-f]{64}$/),
    ]);
  });

  test('a manifest that an interrupted run put in, and that does not serve, is put back', async () => {
    const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    const trial = hostTrial({
      files: {
        ...filesOf([admin, initDone]),
        [manifest]: 'the new one',
        '/var/lib/kubexm/kube-apiserver.change.json': JSON.stringify({ manifest: 'the old one', sandboxes: [] }),
      },
      commands: [
        ...idle,
        [
          /^mv -f /,
          ({ text }, host) => {
            const [, , from = '', to = ''] = text.split(' ');
            host.files.put(to, host.files.get(from)?.content ?? '');
            return '';
          },
        ],
        [/configmap/, (_call, host) => ({ exitCode: host.files.get(manifest)?.content === 'the old one' ? 0 : 1 })],
      ],
    });
    await trial.play(step);
    expect(trial.host.files.get(manifest)?.content).toBe('the old one');
    expect(trial.host.files.has('/var/lib/kubexm/kube-apiserver.change.json')).toBe(false);
  });

  test('a failure shows the last words of kubeadm', async () => {
    const trial = hostTrial({
      secrets,
      commands: [
        ...idle,
        [/systemd-run/, { exitCode: 1 }],
        [/^tail -n 25 \/var\/log\/kubexm\/kubeadm-init.log/, '[init] x\nerror: the kubelet is not healthy\n'],
      ],
    });
    await expect(trial.play(step)).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: 'node-1: kubeadm init failed with exit code 1',
      details: expect.arrayContaining(['error: the kubelet is not healthy']),
    });
  });

  test('a control plane that was made is waited for, not made again', async () => {
    let asked = 0;
    const trial = hostTrial({
      files: filesOf([admin, initDone]),
      commands: [
        ...idle,
        [
          /configmap/,
          () => {
            asked += 1;
            return { exitCode: asked > 2 ? 0 : 1 };
          },
        ],
      ],
    });
    await trial.play(step);
    expect(trial.host.commands.some((text) => text.includes('systemd-run'))).toBe(false);
  });
});

describe('kubeadmJoin', () => {
  async function joining(role: 'control-plane' | 'worker') {
    const directory = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const caCert = join(directory, 'ca.crt');
    await writeFile(caCert, 'the CA');
    return kubeadmJoin({
      nodeName: 'w1',
      role,
      documents: [{ kind: 'JoinConfiguration', discovery: { tlsBootstrapToken: '$token' } }],
      inputs: { kubelet: 'the digest', ...(role === 'control-plane' ? { staticPods: 'the other' } : {}) },
      token,
      caCert,
      server: 'https://lb.kubexm.local:6443',
      ignorePreflightErrors: [],
    });
  }

  test.each<['control-plane' | 'worker', readonly string[], string, string]>([
    ['worker', [], 'needed', 'the node has not joined'],
    ['worker', [bootstrap], 'needed', 'an earlier join did not finish'],
    ['worker', [kubelet, certificate, bootstrap], 'needed', 'an earlier join did not finish'],
    ['worker', [kubelet, certificate, joinDone], 'satisfied', 'the node is a member of the cluster'],
    ['worker', [kubelet, certificate], 'satisfied', 'the node is a member of the cluster'],
    ['control-plane', [kubelet, certificate], 'needed', 'an earlier join did not finish'],
    ['control-plane', [kubelet, certificate, scheduler], 'satisfied', 'the node is a member of the cluster'],
    // Where its credentials were put there beforehand, they tell nothing.
    ['worker', [begun, kubelet, certificate], 'needed', 'an earlier join did not finish'],
    ['worker', [begun, kubelet, certificate, joinDone], 'satisfied', 'the node is a member of the cluster'],
    ['control-plane', [begun, kubelet, certificate, scheduler], 'needed', 'an earlier join did not finish'],
    ['worker', [begun], 'needed', 'the node has not joined'],
    // A marker alone is left of a node that was reset.
    ['worker', [joinDone], 'needed', 'the node has not joined'],
  ])('a %s with %j', async (role, paths, state, because) => {
    const trial = hostTrial({ files: filesOf(paths), commands: idle });
    expect(await trial.precheck(await joining(role))).toMatchObject({ state, because });
  });

  test('a fresh node finds the cluster by a file that holds the CA and no secret', async () => {
    const trial = hostTrial({ secrets, commands: [...idle, ...kubeadm] });
    await trial.play(await joining('worker'));
    const discovery = trial.host.files.get('/run/kubexm/discovery.conf')?.content ?? '';
    expect(JSON.parse(discovery)).toMatchObject({
      clusters: [
        {
          cluster: {
            server: 'https://lb.kubexm.local:6443',
            'certificate-authority-data': Buffer.from('the CA').toString('base64'),
          },
        },
      ],
    });
    expect(trial.host.commands.at(-1)).not.toContain('--skip-phases');
    expect([discovery, ...trial.host.operations].join('\n')).not.toContain('0123456789abcdef');
  });

  describe('with a CA whose key is elsewhere', () => {
    async function withCredentials(trialFiles: readonly string[], isRunning = false) {
      const dir = await temporaryDirectory();
      const pair = (name: string) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
      await runStep(generateCACert({ files: pair('ca'), subject: { commonName: 'company' } }));
      const client = pair('kubelet-w1');
      const subject = { commonName: 'system:node:w1' };
      await runStep(generateSignedCert({ files: client, ca: pair('ca'), subject, usages: ['client'] }));
      const { params } = await joining('worker');
      const credentials = { client, ca: pair('ca').cert, server: 'https://lb.kubexm.local:6443', clusterName: 'prod' };
      const administrator = {
        path: '/etc/kubernetes/admin.conf',
        server: credentials.server,
        clusterName: 'prod',
        user: 'kubernetes-admin',
        ca: credentials.ca,
        client,
      };
      const step = kubeadmJoin({
        ...(params as unknown as Parameters<typeof kubeadmJoin>[0]),
        credentials: { kubelet: credentials, administrator },
      });
      const active = isRunning ? ('active' as const) : ('inactive' as const);
      const trial = hostTrial({
        files: filesOf(trialFiles),
        secrets,
        services: { 'kubelet.service': { active, activeSince: 1 } },
        commands: [
          ...idle,
          ...kubeadm,
          [
            /^ln -sfn /,
            ({ text }, host) => (
              host.files.put(certificate, host.files.get(text.split(' ')[2] ?? '')?.content ?? ''), ''
            ),
          ],
        ],
      });
      await trial.play(step);
      return { trial, client, call: trial.host.commands.find((text) => text.includes('systemd-run')) ?? '' };
    }

    test('the kubelet has its certificate before kubeadm starts it, and asks for none', async () => {
      const { trial, client, call } = await withCredentials([]);
      expect(trial.host.files.get(certificate)?.content).toContain(await readFile(client.cert, 'utf8'));
      expect(parse(trial.host.files.get(kubelet)?.content ?? '')).toMatchObject({
        clusters: [{ name: 'prod', cluster: { server: 'https://lb.kubexm.local:6443' } }],
        users: [{ user: { 'client-certificate': certificate, 'client-key': certificate } }],
      });
      expect(trial.host.files.has(begun)).toBe(true);
      const { users } = parse(trial.host.files.get('/etc/kubernetes/admin.conf')?.content ?? '') as { users: unknown };
      expect(users).toMatchObject([
        { name: 'kubernetes-admin', user: { 'client-key-data': expect.any(String) as string } },
      ]);
      expect(trial.host.files.get('/etc/kubernetes/admin.conf')?.mode).toBe(0o600);
      const changes = trial.host.operations.filter((text) => /^writeFile|systemd-run/.test(text));
      const at = (part: string) => changes.findIndex((text) => text.includes(part));
      expect(at('kubeadm-join.begun')).toBeGreaterThanOrEqual(0);
      expect(at('pki/ca.crt')).toBeLessThan(at('kubelet.conf'));
      expect(at('kubeadm-join.begun')).toBeLessThan(at('kubelet.conf'));
      expect(at('kubelet.conf')).toBeLessThan(at('admin.conf'));
      expect(at('admin.conf')).toBeLessThan(at('systemd-run'));
      expect(call).not.toContain('--skip-phases');
      expect(trial.host.operations.join('\n')).not.toContain('PRIVATE KEY');
    });

    test('a certificate that is not in the work directory is named, with what brings it', async () => {
      const { params } = await joining('worker');
      const kubeletOf = { client: { cert: '/srv/none.crt', key: '/srv/none.key' }, ca: '/srv/ca.crt' };
      const step = kubeadmJoin({
        ...(params as unknown as Parameters<typeof kubeadmJoin>[0]),
        credentials: { kubelet: { ...kubeletOf, server: 'https://lb.kubexm.local:6443', clusterName: 'prod' } },
      });
      const trial = hostTrial({ secrets, commands: [...idle, ...kubeadm] });
      await expect(trial.play(step)).rejects.toMatchObject({
        code: 'FILE_MISSING',
        hint: expect.stringContaining('kubexm certs csr') as string,
      });
    });

    test('what was begun is begun again, until the kubelet runs with its files', async () => {
      expect((await withCredentials([begun, kubelet, certificate])).call).not.toContain('--skip-phases');
      expect((await withCredentials([begun, kubelet, certificate, flags])).call).not.toContain('--skip-phases');
      const { call } = await withCredentials([begun, kubelet, certificate, flags], true);
      expect(call).toContain('join --skip-phases=preflight,kubelet-start');
    });
  });

  test('a node whose kubelet has its certificate goes on behind that', async () => {
    const trial = hostTrial({
      files: filesOf([kubelet, certificate, bootstrap]),
      secrets,
      commands: [...idle, ...kubeadm],
    });
    await trial.play(await joining('worker'));
    expect(trial.host.commands.at(-1)).toContain('join --skip-phases=preflight,kubelet-start');
  });

  test('a join of an earlier run that comes to its end meanwhile is not repeated', async () => {
    const states = ['active\n', 'active\n', 'inactive\n'];
    const trial = hostTrial({
      secrets,
      commands: [
        [
          /ActiveState/,
          (_call, host) => {
            const state = states.shift() ?? 'inactive\n';
            if (state === 'inactive\n') for (const path of [kubelet, certificate, joinDone]) host.files.put(path, 'x');
            return state;
          },
        ],
      ],
    });
    expect((await trial.play(await joining('worker'))).first.state).toBe('needed');
    expect(trial.host.commands.some((text) => text.includes('systemd-run'))).toBe(false);
  });
});

describe('kubeadmAddon', () => {
  const step = kubeadmAddon({ addon: 'coredns', documents: [{ kind: 'ClusterConfiguration' }], token });

  test.each<[FakeAnswer, string]>([
    ['deployment.apps/coredns\n', 'satisfied'],
    ['', 'needed'],
    [{ exitCode: 1 }, 'needed'],
  ])('is applied where it is not there: %j', async (answer, state) => {
    const trial = hostTrial({ commands: [[/get deployment\/coredns --ignore-not-found/, answer]] });
    expect(await trial.precheck(step)).toMatchObject({ state });
  });

  test("a release of the user's own is an image, and kubeadm has no say", async () => {
    const [before, image] = ['mirror.example/coredns:v1.14.6', 'mirror.example/coredns:v1.14.7'];
    let runs = before;
    const trial = hostTrial({
      secrets,
      commands: [
        [/get deployment/, () => runs],
        [/set image deployment\/coredns coredns=mirror\.example\/coredns:v1\.14\.7/, () => ((runs = image), '')],
      ],
    });
    const own = kubeadmAddon({ addon: 'coredns', documents: [], image, isOwnRelease: true });
    expect((await trial.play(own)).first).toMatchObject({ because: `it runs from ${before}` });
    expect(runs).toBe(image);
    expect(trial.host.commands.join('\n')).not.toContain('kubeadm init');
  });

  test('runs that phase of kubeadm alone', async () => {
    const trial = hostTrial({ secrets, commands: [[/get deployment/, ''], ...kubeadm] });
    await trial.play(step);
    expect(trial.host.commands.at(-1)).toContain('/kubeadm init phase addon coredns --config=');
  });
});
