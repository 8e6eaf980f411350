import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { rememberBefore } from '../common/before.js';
import { disableSwap, setHostname } from '../common/system.js';
import { hostTrial } from '../host-step.fixture.js';
import {
  restoreHostname,
  restoreSwap,
  restoreSysctls,
  restoreTimeKeeper,
  restoreTimezone,
  unloadModules,
} from './restore-os.js';

const before = '/var/lib/kubexm/before';
const json = (value: object) => JSON.stringify(value);

describe('what was there before', () => {
  test('is written down once, whatever is seen later', async () => {
    const { ctx, host } = hostTrial();
    await rememberBefore(ctx, 'sysctl', { 'net.ipv4.ip_forward': '0' });
    await rememberBefore(ctx, 'sysctl', { 'net.ipv4.ip_forward': '1', 'vm.max_map_count': '65530' });
    const file = host.files.get(`${before}/sysctl.json`);
    expect(JSON.parse(file?.content ?? '')).toEqual({ 'net.ipv4.ip_forward': '0', 'vm.max_map_count': '65530' });
    expect(file?.mode).toBe(0o600);
  });

  test('that cannot be read is an error, not nothing', async () => {
    const trial = hostTrial({ files: { [`${before}/hostname.json`]: '{ "now": ' } });
    await expect(trial.precheck(restoreHostname({}))).rejects.toMatchObject({
      message: expect.stringContaining(`${before}/hostname.json is damaged`),
    });
  });
});

describe('restoreSysctls', () => {
  const files = {
    [`${before}/sysctl.json`]: json({ 'net.ipv4.ip_forward': '0', 'vm.max_map_count': '65530', 'net.gone': '1' }),
    '/etc/sysctl.d/99-kubexm.conf': '',
  };
  const trialOn = (place: string) => {
    const live: FakeAnswer = `${place}\n1\n262144\n?\n`;
    return hostTrial({
      files,
      commands: [
        [/^systemd-detect-virt/, live],
        [/^printf/, ''],
      ],
    });
  };

  test('puts back what differs and what the kernel still has', async () => {
    const trial = trialOn('machine');
    await trial.play(restoreSysctls({}));
    expect(trial.host.commands.filter((text) => text.startsWith('printf'))).toEqual([
      String.raw`printf '%s\n' 0 > /proc/sys/net/ipv4/ip_forward`,
      String.raw`printf '%s\n' 65530 > /proc/sys/vm/max_map_count`,
    ]);
    expect(trial.host.files.get('/etc/sysctl.d/99-kubexm.conf')).toBeUndefined();
  });

  test('in a container, the parameters of the machine below stay', async () => {
    expect(await trialOn('container').precheck(restoreSysctls({}))).toMatchObject({
      because: 'not as they were: net.ipv4.ip_forward',
    });
  });

  test('a host without notes and file has nothing to put back', async () => {
    expect((await hostTrial().precheck(restoreSysctls({}))).state).toBe('satisfied');
  });
});

test('modules are unloaded in reverse, and one that is in use stays', async () => {
  const trial = hostTrial({
    files: { [`${before}/modules.json`]: json({ overlay: null, br_netfilter: null }) },
    commands: [
      [/^if systemd-detect-virt/, ({ text }) => (/br_netfilter overlay/.test(text) ? 'br_netfilter\noverlay\n' : '')],
      ['modprobe -r br_netfilter', ''],
      ['modprobe -r overlay', { exitCode: 1, stderr: 'Module overlay is in use.' }],
    ],
  });
  await trial.play(unloadModules({}));
  expect(trial.logs).toEqual([expect.stringContaining('overlay stays loaded')]);
});

describe('swap', () => {
  const fstab = '/dev/vda1 / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n';
  const swaps = (...devices: readonly string[]) =>
    `Filename Type Size Used Priority\n${devices.map((device) => `${device} file 1 0 -2\n`).join('')}`;

  test('comes back as it was, in /etc/fstab byte for byte', async () => {
    const trial = hostTrial({
      files: { '/etc/fstab': { content: fstab, mode: 0o640 }, '/proc/swaps': swaps('/swapfile') },
      commands: [
        [
          /^swapo(n|ff)/,
          ({ text }, host) => {
            host.files.put('/proc/swaps', swaps(...(text.startsWith('swapon') ? ['/swapfile'] : [])));
            return '';
          },
        ],
      ],
    });
    await trial.play(disableSwap({}));
    expect(trial.host.files.get('/etc/fstab')?.content).not.toBe(fstab);
    await trial.play(restoreSwap({}));
    expect(trial.host.files.get('/etc/fstab')).toMatchObject({ content: fstab, mode: 0o640 });
    expect(trial.host.commands).toContain('swapon /swapfile');
    expect((await trial.precheck(restoreSwap({}))).state).toBe('satisfied');
  });
});

test('a hostname comes back, also one that was not stored', async () => {
  const set: readonly [RegExp, FakeAnswer] = [
    /^echo \S+ > /,
    ({ text }, host) => {
      host.files.put('/proc/sys/kernel/hostname', `${text.split(' ')[1]}\n`);
      return '';
    },
  ];
  const trial = hostTrial({ files: { '/proc/sys/kernel/hostname': 'debian\n' }, commands: [set] });
  await trial.play(setHostname({ hostname: 'node-1' }));
  expect((await trial.play(restoreHostname({}))).again).toEqual({ state: 'satisfied', because: 'is debian' });
  expect(trial.host.files.get('/etc/hostname')).toBeUndefined();
});

test('the time zone that kubexm did not set stays', async () => {
  expect(await hostTrial().precheck(restoreTimezone({}))).toMatchObject({ because: 'kubexm has not changed it' });
});

test('a time service that chrony took over from runs again, and chrony no more', async () => {
  const trial = hostTrial({
    files: {
      '/etc/chrony/conf.d/kubexm.conf': '',
      [`${before}/services.json`]: json({ 'systemd-timesyncd.service active': null, 'gone.service enabled': null }),
      [`${before}/packages.json`]: json({ chrony: null }),
    },
    services: { 'systemd-timesyncd': {} },
    commands: [
      [
        /^rm -f -- /,
        (call, host) => {
          expect(call.text).toContain('if false; then systemctl restart');
          host.files.removeTree('/etc/chrony/conf.d/kubexm.conf');
          return '';
        },
      ],
    ],
  });
  expect((await trial.play(restoreTimeKeeper({}))).again).toEqual({
    state: 'satisfied',
    because: 'they are as they were',
  });
  expect(trial.host.services.get('systemd-timesyncd.service')?.active).toBe('active');
});
