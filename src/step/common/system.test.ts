import { describe, expect, test } from 'vitest';
import type { FakeCall, FakeHost } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { configureHostsFile, disableSwap, setHostname, setTimezone } from './system.js';

describe('setHostname', () => {
  const kernelName = '/proc/sys/kernel/hostname';
  const setsName = [
    /^echo \S+ > \/proc\/sys\/kernel\/hostname$/,
    (call: FakeCall, host: FakeHost) => {
      host.files.put(kernelName, `${call.text.split(' ')[1]}\n`);
      return '';
    },
  ] as const;
  const step = setHostname({ hostname: 'm1' });

  test.each([
    { now: 'debian\n', atBoot: 'debian\n', because: 'is debian' },
    { now: 'm1\n', atBoot: 'debian\n', because: 'is m1, at boot debian' },
    { now: 'localhost\n', atBoot: undefined, because: 'is localhost, at boot not set' },
  ])('names a host that $because', async ({ now, atBoot, because }) => {
    const files = { [kernelName]: now, ...(atBoot === undefined ? {} : { '/etc/hostname': atBoot }) };
    const trial = hostTrial({ files, commands: [setsName] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because });
    expect(again).toEqual({ state: 'satisfied', because: 'is m1' });
    expect(trial.host.files.get('/etc/hostname')?.content).toBe('m1\n');
  });

  test('undone: it has its name back', async () => {
    const trial = hostTrial({ files: { [kernelName]: 'debian\n', '/etc/hostname': 'debian\n' }, commands: [setsName] });
    await trial.playAndUndo(step);
    expect(trial.host.files.get(kernelName)?.content).toBe('debian\n');
    expect(trial.host.files.get('/etc/hostname')?.content).toBe('debian\n');
  });
});

describe('configureHostsFile', () => {
  const entries = [
    { address: '10.99.0.11', names: ['m1', 'm1.demo'] },
    { address: '10.99.0.21', names: ['w1'] },
  ];
  const step = configureHostsFile({ entries });
  const block = '# BEGIN kubexm\n10.99.0.11 m1 m1.demo\n10.99.0.21 w1\n# END kubexm\n';

  test.each([
    { where: 'is added at the end', text: '127.0.0.1 localhost\n', result: `127.0.0.1 localhost\n${block}` },
    {
      where: 'is added after a last line without its end',
      text: '127.0.0.1 localhost',
      result: `127.0.0.1 localhost\n${block}`,
    },
    { where: 'makes the file', text: undefined, result: block },
    {
      where: 'is replaced where it stands, all else byte for byte',
      text: 'a\t  \r\n\n# BEGIN kubexm\n10.0.0.1 old\n# END kubexm\n# mine\n\nno end',
      result: `a\t  \r\n\n${block}# mine\n\nno end`,
    },
  ])('the block $where', async ({ text, result }) => {
    const trial = hostTrial({ files: text === undefined ? {} : { '/etc/hosts': { content: text, mode: 0o640 } } });
    expect((await trial.play(step)).again).toEqual({ state: 'satisfied', because: 'the block is as wanted' });
    expect(trial.host.files.get('/etc/hosts')).toMatchObject({
      content: result,
      mode: text === undefined ? 0o644 : 0o640,
    });
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('without entries the block goes and the file is as it was before', async () => {
    const trial = hostTrial({ files: { '/etc/hosts': '127.0.0.1 localhost\n# mine\n' } });
    await trial.play(step);
    await trial.play(configureHostsFile({ entries: [] }));
    expect(trial.host.files.get('/etc/hosts')?.content).toBe('127.0.0.1 localhost\n# mine\n');
    expect((await trial.precheck(configureHostsFile({ entries: [] }))).state).toBe('satisfied');
  });

  test.each(['# BEGIN kubexm\n10.0.0.1 a\n', '# END kubexm\n', '# END kubexm\n# BEGIN kubexm\n', `${block}${block}`])(
    'marks that are no pair are an error, and the file stays: %j',
    async (text) => {
      const trial = hostTrial({ files: { '/etc/hosts': text } });
      await expect(trial.play(step)).rejects.toThrow("node-1: kubexm's block in /etc/hosts is damaged");
      expect(trial.host.files.get('/etc/hosts')?.content).toBe(text);
    },
  );

  test('a line of the user that gives a host another address is pointed out', async () => {
    const trial = hostTrial({ files: { '/etc/hosts': '127.0.1.1 m1\n10.1.1.1 x w1 # old\n10.99.0.11 m1\n' } });
    await trial.play(step);
    expect(trial.logs[0]).toContain('debug: /etc/hosts has its own line for a host of the cluster: 127.0.1.1 m1');
    expect(trial.logs[1]).toContain('warn: /etc/hosts has its own line for a host of the cluster: 10.1.1.1 x w1');
    expect(trial.logs.some((line) => line.includes('10.99.0.11'))).toBe(false);
  });

  test('a file that cannot be read is not an empty one', async () => {
    const trial = hostTrial({ faults: [{ on: /readFile/, fault: 'fail' }] });
    await expect(trial.play(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(trial.host.operations).toEqual(['readFile /etc/hosts']);
  });

  test('undone: the file is as it was', async () => {
    const trial = hostTrial({ files: { '/etc/hosts': 'mine' } });
    await trial.playAndUndo(step);
    expect(trial.host.files.get('/etc/hosts')?.content).toBe('mine');
  });
});

describe('disableSwap', () => {
  const head = 'Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n';
  const swaps = `${head}/dev/sda2                               partition\t1000\t0\t-2\n/my\\040swap                             file\t1000\t0\t-3\n`;
  const fstab =
    '# /dev/x none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\nUUID=2 none\tswap sw 0 0\n/my\\040swap none swap sw 0 0\n';
  const off = [
    'swapoff -a',
    (_call: FakeCall, host: FakeHost) => {
      host.files.put('/proc/swaps', head);
      return '';
    },
  ] as const;
  const step = disableSwap({});

  test('turns it off now and for the next boot, keeping the lines', async () => {
    const trial = hostTrial({ files: { '/proc/swaps': swaps, '/etc/fstab': fstab }, commands: [off] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ because: '/dev/sda2 is in use, /my swap is in use, /etc/fstab has swap' });
    expect(again).toEqual({ state: 'satisfied', because: 'no swap, now and in /etc/fstab' });
    expect(trial.host.files.get('/etc/fstab')?.content).toBe(
      '# /dev/x none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\n' +
        '# kubexm turned this off: UUID=2 none\tswap sw 0 0\n# kubexm turned this off: /my\\040swap none swap sw 0 0\n',
    );
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('only what is left to do is done', async () => {
    const bootOnly = hostTrial({ files: { '/proc/swaps': head, '/etc/fstab': fstab } });
    expect((await bootOnly.play(step)).again?.state).toBe('satisfied');
    expect(bootOnly.host.commands).toEqual([]);
    const nowOnly = hostTrial({ files: { '/proc/swaps': swaps }, commands: [off] });
    expect((await nowOnly.play(step)).again?.state).toBe('satisfied');
    expect(nowOnly.host.files.has('/etc/fstab')).toBe(false);
    expect(nowOnly.logs).toEqual([expect.stringContaining('warn: not all swap is in /etc/fstab')]);
  });

  test('swap that cannot be turned off fails the step before fstab is touched', async () => {
    const trial = hostTrial({
      files: { '/proc/swaps': swaps, '/etc/fstab': fstab },
      commands: [['swapoff -a', { exitCode: 1, stderr: 'swapoff: /dev/sda2: Cannot allocate memory' }]],
    });
    await expect(trial.play(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(trial.host.files.get('/etc/fstab')?.content).toBe(fstab);
  });

  test('undone: fstab is as it was, and what was in use is again', async () => {
    const trial = hostTrial({
      files: { '/proc/swaps': swaps, '/etc/fstab': fstab },
      commands: [off, [/^swapon /, '']],
    });
    await trial.playAndUndo(step);
    expect(trial.host.files.get('/etc/fstab')?.content).toBe(fstab);
    expect(trial.host.commands.slice(1)).toEqual(['swapon /dev/sda2', "swapon '/my swap'"]);
  });
});

describe('setTimezone', () => {
  const berlin = '/usr/share/zoneinfo/Europe/Berlin';
  const links = [
    /^ln -sfn (\S+) /,
    (call: FakeCall, host: FakeHost) => {
      host.files.put('/etc/localtime', { linkTarget: call.text.split(' ')[2] ?? '' });
      return '';
    },
  ] as const;
  const step = setTimezone({ timezone: 'Europe/Berlin' });

  test('points the host at its zone', async () => {
    const files = { [berlin]: 'tz', '/etc/localtime': { linkTarget: '../usr/share/zoneinfo/Etc/UTC' } };
    const trial = hostTrial({ files, commands: [links] });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'is Etc/UTC' });
    expect(again).toEqual({ state: 'satisfied', because: 'is Europe/Berlin' });
  });

  test('a host without a zone is on UTC', async () => {
    expect((await hostTrial().precheck(setTimezone({ timezone: 'UTC' }))).state).toBe('satisfied');
    await expect(hostTrial().precheck(step)).rejects.toThrow('node-1 knows no time zone Europe/Berlin');
  });

  test('undone: the link is as it was', async () => {
    const files = { [berlin]: 'tz', '/etc/localtime': { linkTarget: '/usr/share/zoneinfo/Asia/Tokyo' } };
    const trial = hostTrial({ files, commands: [links] });
    await trial.playAndUndo(step);
    expect(trial.host.files.get('/etc/localtime')?.linkTarget).toBe('/usr/share/zoneinfo/Asia/Tokyo');
  });
});
