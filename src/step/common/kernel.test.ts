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
    [/^grep -sH .* \/etc\/sysctl.conf$/, (_call: unknown, host: FakeHost) => settings(host)],
  ] as const;
  /** As grep prints them: the directories in the order they were named, each with its files in theirs. */
  const settings = ({ files }: FakeHost) =>
    ['/etc/sysctl.d/', '/usr/lib/sysctl.d/', '/etc/sysctl.conf']
      .flatMap((place) =>
        [...files]
          .filter(([path]) => path.startsWith(place) && path.endsWith('.conf'))
          .sort(([a], [b]) => a.localeCompare(b, 'en')),
      )
      .flatMap(([path, { content }]) => content.split('\n').map((line) => `${path}:${line}`))
      .filter((line) => /:[^#;]*=/.test(line))
      .join('\n');
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

  const forwarding = (path: string, value: string) => ({ [path]: `# mine\n\nnet.ipv4.ip_forward = ${value}\n` });
  test.each([
    ['a later file', forwarding('/etc/sysctl.d/99-zz.conf', '0'), '/etc/sysctl.d/99-zz.conf'],
    ['the file that Debian links as 99-sysctl.conf', forwarding('/etc/sysctl.conf', '0'), '/etc/sysctl.conf'],
    ['slashes', { '/usr/lib/sysctl.d/99-zz.conf': '-net/ipv4/ip_forward=0\n' }, '/usr/lib/sysctl.d/99-zz.conf'],
  ])('%s that changes a value at boot is warned of, each time and once', async (_, files, file) => {
    const trial = hostTrial({ sysctls: before, commands: kernel, files });
    const warning = `warn: ${file} sets net.ipv4.ip_forward = 0 and is read after ${sysctlFile}: a reboot will bring that value back; take the line out`;
    expect((await trial.play(step)).again).toEqual({
      state: 'satisfied',
      because: 'all have their value now; at boot, another file changes net.ipv4.ip_forward',
    });
    expect(trial.logs).toEqual([warning]);
    await trial.play(step);
    expect(trial.logs).toEqual([warning, warning]);
  });

  test.each([
    ['an earlier file', forwarding('/etc/sysctl.d/10-mine.conf', '0')],
    ['the same value', forwarding('/etc/sysctl.d/99-zz.conf', '1')],
    [
      'a file that another of its name hides',
      { ...forwarding('/usr/lib/sysctl.d/99-zz.conf', '0'), '/etc/sysctl.d/99-zz.conf': 'a.b=1\n' },
    ],
    [
      'one whose word is not the last',
      { ...forwarding('/etc/sysctl.d/99-y.conf', '0'), ...forwarding('/etc/sysctl.d/99-z.conf', '1') },
    ],
    ['a parameter that is not ours', { '/etc/sysctl.d/99-zz.conf': 'net.ipv6.conf.all.forwarding = 0\n' }],
  ])('%s is no reason to warn', async (_, files) => {
    const trial = hostTrial({ sysctls: before, commands: kernel, files });
    expect((await trial.play(step)).again?.because).toBe('all have their value, now and at boot');
    expect(trial.logs).toEqual([]);
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
