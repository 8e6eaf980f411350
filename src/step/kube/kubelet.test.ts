import { describe, expect, test } from 'vitest';
import type { FakeAnswer, FakeFileInit, ServiceState } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { reconcileKubelet } from './kubelet.js';

const configFile = '/var/lib/kubelet/config.yaml';
const flagsFile = '/var/lib/kubelet/kubeadm-flags.env';
const changeFile = '/var/lib/kubexm/kubelet.change.json';
const unitFile = '/etc/systemd/system/kubelet.service';
const joined = Object.fromEntries(
  [
    '/etc/kubernetes/kubelet.conf',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    '/var/lib/kubexm/kubeadm-join.done',
  ].map((path) => [path, 'x']),
);
const documents = [
  { kind: 'InitConfiguration', nodeRegistration: { name: 'w1' } },
  { kind: 'ClusterConfiguration', kubernetesVersion: 'v1.34.4' },
  { kind: 'KubeletConfiguration', maxPods: 120 },
];
const stepOf = (role: 'control-plane' | 'worker' = 'worker') => reconcileKubelet({ nodeName: 'w1', role, documents });
const flags = (...words: string[]) => `KUBELET_KUBEADM_ARGS="${words.join(' ')}"\n`;
const before = { [configFile]: 'maxPods: 110\n', [flagsFile]: flags('--node-ip=10.0.0.21') };
const wanted = { [configFile]: 'maxPods: 120\n', [flagsFile]: flags('--node-ip=10.0.0.21') };

function stateOf({ host }: ReturnType<typeof hostTrial>): ServiceState {
  const state = host.services.get('kubelet.service');
  if (state === undefined) throw new Error('the host has no kubelet');
  return state;
}

/** A node whose kubelet runs while `works` says so of its configuration; a kubelet that cannot start is started again and again. */
function node({
  files = before,
  renders = wanted,
  works = () => true,
}: {
  readonly files?: Readonly<Record<string, FakeFileInit>>;
  readonly renders?: Readonly<Record<string, string>>;
  readonly works?: (config: string) => boolean;
}) {
  const kubelet = { starts: 0, pid: 100 };
  const lease = { renewTime: '2026-01-01T00:00:05Z', ready: 'True' };
  const fine = () => works(trial.host.files.get(configFile)?.content ?? '');
  const rendering = { stdin: '' };
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [
      /kubeadm init phase kubelet-start --dry-run/,
      ({ stdin }) => {
        rendering.stdin = stdin;
        return Object.entries(renders)
          .map(([path, text]) => `@@kubexm ${path.split('/').at(-1)}\n${text}`)
          .join('');
      },
    ],
    [
      /^date \+%s && systemctl restart kubelet\.service$/,
      () => {
        kubelet.starts += 1;
        kubelet.pid += 1;
        trial.host.services.set('kubelet.service', {
          ...stateOf(trial),
          active: 'active',
          activeSince: trial.host.files.tick(),
        });
        return '1767225600\n';
      },
    ],
    [
      /^systemctl show -p ActiveState,MainPID,NRestarts kubelet/,
      () =>
        fine() ? `ActiveState=active\nMainPID=${kubelet.pid}\nNRestarts=0\n` : 'ActiveState=activating\nNRestarts=9\n',
    ],
    [/\/dev\/tcp\/127\.0\.0\.1\/10248/, () => (fine() ? 'HTTP/1.0 200 OK\r\n' : '')],
    [/^systemctl show --property=InvocationID kubelet/, () => `InvocationID=run-${kubelet.starts}\n`],
    [/^journalctl -u kubelet/, 'failed to run Kubelet: no such signal\n'],
    [
      /get node\/w1 lease\/w1 -o json$/,
      () =>
        JSON.stringify({
          items: [
            { kind: 'Lease', spec: { renewTime: lease.renewTime } },
            { kind: 'Node', status: { conditions: [{ type: 'Ready', status: lease.ready }] } },
          ],
        }),
    ],
  ];
  const trial = hostTrial({
    files: { [unitFile]: 'ExecStart=/usr/local/bin/kubelet\n', ...joined, ...files },
    services: { kubelet: { active: 'active' } },
    commands,
  });
  return { trial, kubelet, lease, rendering };
}

describe('reconcileKubelet', () => {
  test('a host that has not joined is left to the join', async () => {
    const trial = hostTrial();
    expect(await trial.precheck(stepOf())).toEqual({ state: 'satisfied', because: 'it is no node yet' });
  });

  test('a changed configuration is written, and the kubelet restarted; a second look asks nobody', async () => {
    const { trial, kubelet } = node({});
    const { first, again } = await trial.play(stepOf());
    expect(first).toMatchObject({ state: 'needed', because: 'maxPods differs' });
    expect(again?.state).toBe('satisfied');
    expect(kubelet.starts).toBe(1);
    expect(trial.host.files.get(configFile)?.content).toBe(wanted[configFile]);
    const asked = trial.host.commands.length;
    expect((await trial.precheck(stepOf())).state).toBe('satisfied');
    expect(trial.host.commands).toHaveLength(asked);
  });

  test('is rendered without a look at the CA: a worker has no key to it, which kubeadm init would not take', async () => {
    const { trial, rendering } = node({});
    await trial.precheck(stepOf());
    expect(rendering.stdin).toContain('clientCAFile: /etc/kubernetes/pki/ca.crt');
    expect(rendering.stdin).toContain('certificatesDir: /run/kubexm/no-pki');
  });

  test('a node that nobody noted and that is as wanted is noted, and its kubelet not restarted', async () => {
    const { trial, kubelet } = node({ files: wanted });
    const { first, again } = await trial.play(stepOf());
    expect(first).toMatchObject({ because: 'its files are as wanted; that is noted' });
    expect(again?.state).toBe('satisfied');
    expect(kubelet.starts).toBe(0);
  });

  test('taints of the join stay; labels that only a registration reads need no restart', async () => {
    const taints = '--register-with-taints=a=b:NoSchedule';
    const { trial, kubelet } = node({
      files: { ...wanted, [flagsFile]: flags('--node-ip=10.0.0.21', taints) },
      renders: { ...wanted, [flagsFile]: flags('--node-ip=10.0.0.21', '--node-labels=disk=ssd') },
    });
    const { first } = await trial.play(stepOf());
    expect(first).toMatchObject({ because: '--node-labels is new' });
    expect(kubelet.starts).toBe(0);
    expect(trial.host.files.get(flagsFile)?.content).toBe(
      flags('--node-ip=10.0.0.21', '--node-labels=disk=ssd', taints),
    );
  });

  test('one that runs with the unit that another hand had left is started with the one that was put right', async () => {
    const { trial, kubelet } = node({ files: wanted });
    await trial.play(stepOf());
    trial.host.files.put(unitFile, 'ExecStart=/usr/local/bin/kubelet\n');
    const { first, again } = await trial.play(stepOf());
    expect(first).toMatchObject({ because: `${unitFile} is newer than the running kubelet` });
    expect([kubelet.starts, again?.state]).toEqual([1, 'satisfied']);
  });

  test('and is not started again and again where the clock was put back in between', async () => {
    const { trial, kubelet } = node({ files: wanted });
    await trial.play(stepOf());
    trial.host.files.put(unitFile, 'ExecStart=/usr/local/bin/kubelet\n');
    trial.host.script(/^date \+%s && systemctl restart/, () => {
      kubelet.starts += 1;
      return '1767225600\n';
    });
    const { again } = await trial.play(stepOf());
    expect([kubelet.starts, again?.state]).toEqual([1, 'satisfied']);
  });

  test('one that was stopped is started', async () => {
    const { trial, kubelet } = node({ files: wanted });
    await trial.play(stepOf());
    trial.host.services.set('kubelet.service', { ...stateOf(trial), active: 'inactive', activeSince: 0 });
    const { first, again } = await trial.play(stepOf());
    expect(first).toMatchObject({ because: 'it is inactive' });
    expect([kubelet.starts, again?.state]).toEqual([1, 'satisfied']);
  });

  test('a kubelet that cannot start gets its old files back, and the failure says why', async () => {
    const { trial, kubelet } = node({ works: (config) => !config.includes('120') });
    await expect(trial.play(stepOf())).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      retryable: false,
      message: 'node-1: the kubelet does not come up with its new configuration; the old one was put back and works',
      details: ['its unit is activating', 'failed to run Kubelet: no such signal'],
    });
    expect(kubelet.starts).toBe(2);
    expect(trial.host.files.get(configFile)?.content).toBe(before[configFile]);
    expect(trial.host.files.has(changeFile)).toBe(false);
  });

  test('a run that broke off behind the change goes back to the files before it', async () => {
    const { trial } = node({
      files: { ...wanted, [changeFile]: JSON.stringify(before) },
      works: (config) => !config.includes('120'),
    });
    expect(await trial.precheck(stepOf())).toMatchObject({ because: 'an earlier change was not seen through' });
    await expect(trial.play(stepOf())).rejects.toMatchObject({
      message: expect.stringContaining('put back and works'),
    });
    expect(trial.host.files.get(configFile)?.content).toBe(before[configFile]);
  });

  test('and so does one that changes further files', async () => {
    const { trial } = node({
      files: {
        ...before,
        [configFile]: 'maxPods: 115\n',
        [changeFile]: JSON.stringify({ [configFile]: before[configFile] }),
      },
      renders: { ...wanted, [flagsFile]: flags('--node-ip=10.0.0.99') },
      works: (config) => !config.includes('120'),
    });
    await expect(trial.play(stepOf())).rejects.toMatchObject({
      message: expect.stringContaining('put back and works'),
    });
    for (const path of [configFile, flagsFile] as const) expect(trial.host.files.get(path)?.content).toBe(before[path]);
  });

  test('on a control plane the API must have seen the node Ready since the restart', async () => {
    const { trial, lease } = node({});
    lease.renewTime = '2025-12-31T23:59:59Z';
    let asked = 0;
    trial.host.script(/get node\/w1 lease\/w1/, () => {
      asked += 1;
      const renewTime = asked > 2 ? '2026-01-01T00:00:05Z' : lease.renewTime;
      const status = { conditions: [{ type: 'Ready', status: asked > 3 ? 'True' : 'False' }] };
      return JSON.stringify({
        items: [
          { kind: 'Lease', spec: { renewTime } },
          { kind: 'Node', status },
        ],
      });
    });
    await trial.play(stepOf('control-plane'));
    expect(asked).toBeGreaterThan(4);
  });
});
