import { expect, test } from 'vitest';
import { kubernetesPrograms } from '../../common/kubernetes-programs.js';
import { output } from '../../plan/index.js';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { settleKubelet, upgradeKubelet } from './upgrade-kubelet.js';

const configFile = '/var/lib/kubelet/config.yaml';
const flagsFile = '/var/lib/kubelet/kubeadm-flags.env';
const to = 'v1.34.4';
const from = 'v1.33.13';
const params = {
  nodeName: 'w1',
  role: 'worker',
  to,
  documents: [
    { kind: 'InitConfiguration', nodeRegistration: { name: 'w1' } },
    { kind: 'ClusterConfiguration', kubernetesVersion: to },
    { kind: 'KubeletConfiguration' },
  ],
} as const;
const step = upgradeKubelet(params);
const ready = output<string>('ready:w1');
const settle = settleKubelet({ ...params, ready });

/** A worker; a kubelet of a version in `broken` starts again and again. */
function worker({
  installed = from,
  running = from,
  broken = [] as readonly string[],
  kubeadmFails = false,
  mark,
}: {
  readonly installed?: string;
  readonly running?: string;
  readonly broken?: readonly string[];
  readonly kubeadmFails?: boolean;
  readonly mark?: object;
} = {}) {
  const kubelet = { installed, running, previous: undefined as string | undefined, pid: 100 };
  const deeds: string[] = [];
  const commands: (readonly [RegExp, FakeAnswer])[] = [
    [/kubelet; \[ ! -x/, () => `installed Kubernetes ${kubelet.installed}\nrunning Kubernetes ${kubelet.running}\n`],
    [/^systemctl show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
    [
      /mv -fT \S+\/\.kubelet\.kubexm-new/,
      ({ text }) => {
        if (text.includes(`ln -f /usr/local/bin/kubelet ${kubernetesPrograms.previousKubelet}`))
          kubelet.previous = kubelet.installed;
        const back = text.includes(`ln ${kubernetesPrograms.previousKubelet} `);
        kubelet.installed = back ? (kubelet.previous ?? '') : to;
        deeds.push(`place ${kubelet.installed}`);
        return '';
      },
    ],
    [
      /systemd-run/,
      ({ text }) => {
        deeds.push(/kubeadm (upgrade \w+)/.exec(text)?.[1] ?? text);
        return kubeadmFails ? { exitCode: 1, stderr: 'the API does not answer' } : '';
      },
    ],
    [/^tail -n 25/, ''],
    [
      /kubeadm init phase kubelet-start --dry-run/,
      () => `@@kubexm config.yaml\nnew: true\n@@kubexm kubeadm-flags.env\nKUBELET_KUBEADM_ARGS="--node-ip=1"\n`,
    ],
    [
      /systemctl restart kubelet\.service$/,
      () => {
        kubelet.pid += 1;
        kubelet.running = kubelet.installed;
        deeds.push(`restart ${kubelet.running}`);
        return '1767225600\n';
      },
    ],
    [
      /^systemctl show -p ActiveState,MainPID,NRestarts kubelet/,
      () =>
        broken.includes(kubelet.running)
          ? 'ActiveState=activating\nNRestarts=9\n'
          : `ActiveState=active\nMainPID=${kubelet.pid}\nNRestarts=0\n`,
    ],
    [/\/dev\/tcp\/127\.0\.0\.1\/10248/, 'HTTP/1.0 200 OK\r\n'],
    [/^journalctl -u kubelet/, 'unknown flag: --gone\n'],
  ];
  const files = {
    [configFile]: 'old: true\n',
    [flagsFile]: 'KUBELET_KUBEADM_ARGS="--node-ip=1"\n',
    ...(mark === undefined ? {} : { [kubernetesPrograms.mark]: JSON.stringify(mark) }),
  };
  return { trial: hostTrial({ files, commands }), kubelet, deeds };
}

test('the program is swapped, the node upgraded, the kubelet restarted once; a second look finds nothing to do', async () => {
  const { trial, deeds, kubelet } = worker();
  const { first, again } = await trial.play(step);
  expect(first).toMatchObject({ because: `runs ${from}; the program in place is ${from}` });
  expect(deeds).toEqual([`place ${to}`, 'upgrade node', `restart ${to}`]);
  expect(kubelet.previous).toBe(from);
  expect(trial.host.files.get(configFile)?.content).toBe('new: true\n');
  expect(again).toEqual({ state: 'satisfied', because: `runs ${to}` });

  // What it would go back to is there until its node is Ready.
  expect(JSON.parse(trial.host.files.get(kubernetesPrograms.mark)?.content ?? '{}')).toMatchObject({
    from,
    to,
    up: true,
  });
  trial.ctx.write(ready, '');
  const { first: settled, again: then } = await trial.play(settle);
  expect(settled).toMatchObject({ state: 'needed', because: 'its node is Ready' });
  expect(then).toEqual({ state: 'satisfied', because: 'no upgrade of it is open' });
  expect(trial.host.files.get(kubernetesPrograms.mark)).toBeUndefined();
  expect(deeds).toHaveLength(3);
});

test('a kubelet that serves and whose node never gets Ready goes back, with the files that it had', async () => {
  const { trial, deeds, kubelet } = worker();
  await trial.play(step);
  trial.ctx.write(ready, 'the network is not ready');
  await expect(trial.play(settle)).rejects.toMatchObject({
    message: expect.stringContaining(
      `its node does not get Ready with the kubelet ${to}; ${from} was put back and works`,
    ) as string,
    details: ['the network is not ready', 'unknown flag: --gone'],
  });
  expect(deeds.slice(-2)).toEqual([`place ${from}`, `restart ${from}`]);
  expect(kubelet).toMatchObject({ installed: from, running: from });
  expect(trial.host.files.get(configFile)?.content).toBe('old: true\n');
  expect(trial.host.files.get(kubernetesPrograms.mark)).toBeUndefined();
  // The next run begins anew.
  expect((await trial.precheck(step)).state).toBe('needed');
});

test('a node that is not Ready and whose kubelet was through before has nothing to go back to', async () => {
  const { trial, deeds } = worker({ installed: to, running: to });
  trial.ctx.write(ready, 'the disk is full');
  await expect(trial.precheck(settle)).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', details: ['the disk is full'] });
  expect(deeds).toEqual([]);
});

test('killed while the node was waited for: the new kubelet is left alone, and still goes back where the node is not Ready', async () => {
  const mark = { from, to, files: { [configFile]: 'old: true\n' }, up: true };
  const { trial, deeds, kubelet } = worker({ installed: to, running: to, mark });
  kubelet.previous = from;
  expect(await trial.precheck(step)).toEqual({ state: 'satisfied', because: `runs ${to}` });
  trial.ctx.write(ready, 'the network is not ready');
  await expect(trial.play(settle)).rejects.toThrow(/was put back and works/);
  expect(deeds).toEqual([`place ${from}`, `restart ${from}`]);
});

test('another version after one whose node was never seen Ready goes back to what ran before both', async () => {
  const mark = { from: 'v1.33.1', to: from, files: { [configFile]: 'old: true\n' }, up: true };
  const { trial } = worker({ mark });
  await trial.play(step);
  const kept: unknown = JSON.parse(trial.host.files.get(kubernetesPrograms.mark)?.content ?? '{}');
  expect(kept).toEqual({ ...mark, to });
});

test('a kubelet that does not start goes back, with the files that it had', async () => {
  const { trial, deeds, kubelet } = worker({ broken: [to] });
  await expect(trial.play(step)).rejects.toMatchObject({
    message: expect.stringContaining(`the kubelet ${to} does not come up; ${from} was put back and works`),
    details: expect.arrayContaining(['unknown flag: --gone']),
  });
  expect(deeds.slice(-2)).toEqual([`place ${from}`, `restart ${from}`]);
  expect(kubelet.installed).toBe(from);
  expect(trial.host.files.get(configFile)?.content).toBe('old: true\n');
  expect(trial.host.files.get(kubernetesPrograms.mark)).toBeUndefined();
});

test('where the old one does not start either, that is said, and the mark stays for the next run', async () => {
  const { trial } = worker({ broken: [to, from] });
  await expect(trial.play(step)).rejects.toThrow(/v1\.33\.13 was put back, but: its unit is activating/);
  expect(trial.host.files.get(kubernetesPrograms.mark)).toBeDefined();
});

test('a kubeadm that fails leaves no new program behind for the next start of the kubelet', async () => {
  const { trial, kubelet } = worker({ kubeadmFails: true });
  await expect(trial.play(step)).rejects.toThrow(
    `its upgrade to ${to} does not go through; ${from} was put back and works`,
  );
  expect(kubelet).toMatchObject({ installed: from, running: from });
});

test('killed after the swap: it goes on, and what it would go back to is what ran before', async () => {
  const mark = { from, to, files: { [configFile]: 'old: true\n' } };
  const { trial, deeds, kubelet } = worker({ installed: to, mark });
  kubelet.previous = from;
  const { first } = await trial.play(step);
  expect(first).toMatchObject({ because: `an upgrade from ${from} to ${to} was not finished` });
  expect(deeds).toEqual(['upgrade node', `restart ${to}`]);
  expect(kubelet.previous).toBe(from);
});

test('a mark that cannot be read is no reason to guess', async () => {
  const { trial } = worker();
  trial.host.files.put(kubernetesPrograms.mark, { content: '{' });
  await expect(trial.precheck(step)).rejects.toThrow(/is no mark of an upgrade/);
});
