import { describe, expect, test } from 'vitest';
import type { FakeHost } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { modprobe, sysctl } from './kernel.js';

const modulesFile = '/etc/modules-load.d/kubexm.conf';
const sysctlFile = '/etc/sysctl.d/99-kubexm.conf';

describe('modprobe', () => {
  const step = modprobe({ modules: ['overlay', 'br_netfilter'] });
  const look = [
    /^for module in overlay br_netfilter;/,
    (_call: unknown, host: FakeHost) =>
      ['overlay', 'br_netfilter'].filter((name) => !host.modules.has(name)).join('\n'),
  ] as const;

  test('loads what is missing and keeps all for the next boot', async () => {
    const trial = hostTrial({ modules: ['overlay'], commands: [look] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'not loaded: br_netfilter' });
    expect(again).toEqual({ state: 'satisfied', because: 'all are loaded, now and at boot' });
    expect(trial.host.commands.filter((text) => text.startsWith('modprobe'))).toEqual(['modprobe br_netfilter']);
    expect(trial.host.files.get(modulesFile)?.content).toBe(
      '# Written by kubexm; changes made here are overwritten.\noverlay\nbr_netfilter\n',
    );
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('loaded, but not for the next boot: only the file is written', async () => {
    const trial = hostTrial({
      modules: ['overlay', 'br_netfilter'],
      files: { [modulesFile]: 'overlay\n' },
      commands: [look],
    });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: `${modulesFile} differs` });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.commands.some((text) => text.startsWith('modprobe'))).toBe(false);
  });

  test('a module that cannot be loaded is named', async () => {
    const trial = hostTrial({
      modules: ['overlay'],
      commands: [
        look,
        ['modprobe br_netfilter', { exitCode: 1, stderr: 'modprobe: FATAL: Module br_netfilter not found.' }],
      ],
    });
    await expect(trial.play(step)).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: 'node-1: the kernel module br_netfilter cannot be loaded',
      details: ['modprobe: FATAL: Module br_netfilter not found.'],
    });
    expect(trial.host.files.has(modulesFile)).toBe(false);
  });

  test('undone: the file is as it was', async () => {
    const trial = hostTrial({ files: { [modulesFile]: 'mine\n' }, commands: [look] });
    await trial.playAndUndo(step);
    expect(trial.host.files.get(modulesFile)?.content).toBe('mine\n');
  });
});

describe('sysctl', () => {
  const values = { 'net.ipv4.ip_forward': 1, 'net.ipv4.tcp_rmem': '4096  87380 16777216' };
  const step = sysctl({ values });
  /** A kernel: /proc/sys in the host's sysctls. */
  const kernel = [
    [
      /^for file in \/proc\/sys/,
      (call: { text: string }, host: FakeHost) =>
        (call.text.match(/\/proc\/sys\/\S+/g) ?? [])
          .map((path) => host.sysctls.get(path.replace(/;$/, '')) ?? '?')
          .join('\n'),
    ],
    [
      /^failed=0/,
      (call: { text: string }, host: FakeHost) => {
        for (const [, value = '', path = ''] of call.text.matchAll(/printf '%s\\n' ('[^']*'|\S+) \| cat > (\S+);/g)) {
          host.sysctls.set(path, value.replaceAll("'", ''));
        }
        return '';
      },
    ],
  ] as const;
  const before = { '/proc/sys/net/ipv4/ip_forward': '0', '/proc/sys/net/ipv4/tcp_rmem': '4096 87380 16777216 ' };

  test('sets what differs now, and keeps all for the next boot', async () => {
    const trial = hostTrial({ sysctls: before, commands: kernel });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'differs: net.ipv4.ip_forward' });
    expect(again).toEqual({ state: 'satisfied', because: 'all have their value, now and at boot' });
    expect(trial.host.sysctls.get('/proc/sys/net/ipv4/ip_forward')).toBe('1');
    expect(trial.host.files.get(sysctlFile)?.content).toBe(
      '# Written by kubexm; changes made here are overwritten.\nnet.ipv4.ip_forward = 1\nnet.ipv4.tcp_rmem = 4096 87380 16777216\n',
    );
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('changed by somebody: set again, the file stays', async () => {
    const trial = hostTrial({ sysctls: before, commands: kernel });
    await trial.play(step);
    trial.host.sysctls.set('/proc/sys/net/ipv4/ip_forward', '0');
    trial.host.operations.length = 0;
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.host.operations).not.toContain(`writeFile ${sysctlFile}`);
  });

  test('a parameter that the kernel does not have is an error that names it', async () => {
    const trial = hostTrial({ sysctls: before, commands: kernel });
    const bridge = sysctl({
      values: { ...values, 'net.bridge.bridge-nf-call-iptables': 1, 'net.ipv4.tcp_tw_recycle': 0 },
    });
    await expect(trial.precheck(bridge)).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: 'node-1: its kernel has no parameter net.bridge.bridge-nf-call-iptables, net.ipv4.tcp_tw_recycle',
      hint: 'net.bridge.* exist once br_netfilter is loaded',
      retryable: false,
    });
  });

  test('a parameter that the host may not set is an error that names it; nothing is kept for the next boot', async () => {
    const stdout = 'net.ipv4.ip_forward: Read-only file system\n';
    const trial = hostTrial({ sysctls: before, commands: [[/^failed=0/, { exitCode: 1, stdout }], ...kernel] });
    await expect(trial.play(step)).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: 'node-1: kernel parameters cannot be set: net.ipv4.ip_forward: Read-only file system',
    });
    expect(trial.host.files.has(sysctlFile)).toBe(false);
  });

  test('a dot in the name of an interface is written as a slash', async () => {
    const trial = hostTrial({ sysctls: { '/proc/sys/net/ipv4/conf/eth0.1/forwarding': '1' }, commands: kernel });
    const vlan = sysctl({ values: { 'net.ipv4.conf.eth0/1.forwarding': 1 } });
    expect(await trial.precheck(vlan)).toMatchObject({ because: `${sysctlFile} differs` });
  });

  test('undone: the values are as they were, and the file', async () => {
    const trial = hostTrial({ sysctls: before, commands: kernel });
    await trial.playAndUndo(step);
    expect(trial.host.sysctls.get('/proc/sys/net/ipv4/ip_forward')).toBe('0');
    expect(trial.host.files.has(sysctlFile)).toBe(false);
  });
});
