import { describe, expect, test } from 'vitest';
import { type FakeScript, fakeConnector, localConnector } from '../connector/index.js';
import { Secret } from '../secrets/index.js';
import { createRunner } from './runner.js';
import { allOf, script, sh } from './shell.js';

const probe = /sudo -k -n sh -c :/;
const password = new Secret('pass-canary');

function host(replies: FakeScript['replies'], sudo: false | { readonly password?: Secret } = {}) {
  const connector = fakeConnector({ name: 'node-1', replies });
  return { connector, runner: createRunner(connector, { name: 'node-1', sudo }) };
}

describe('becoming root', () => {
  test('is asked once, however many commands come at the same time', async () => {
    const { connector, runner } = host([
      [probe, 'root\n'],
      [/id -u/, '0'],
    ]);
    await Promise.all([runner.run(sh`id -u`), runner.run(sh`id -u`)]);
    await runner.run(sh`id -u`);
    expect(connector.commands.length).toBe(4);
    expect(connector.commands.every(({ shell }) => shell === undefined)).toBe(true);
  });

  test('goes without a password where sudo asks for none', async () => {
    const { connector, runner } = host(
      [
        [probe, 'passwordless\n'],
        [/./, ''],
      ],
      { password },
    );
    await runner.run(sh`touch /etc/x`);
    expect(connector.commands.at(-1)).toMatchObject({ shell: { prefix: 'sudo -n -H --' } });
    expect(connector.commands.at(-1)?.shell?.before).toBeUndefined();
  });

  test('gives the password before stdin and never in a command', async () => {
    const { connector, runner } = host(
      [
        [probe, 'password\n'],
        [/./, ''],
      ],
      { password },
    );
    await runner.run(sh`cat`, { stdin: 'own stdin' });
    const asked = connector.commands.at(-1);
    expect(asked?.shell).toEqual({ prefix: "sudo -k -S -H -p '' --", before: 'pass-canary\n' });
    expect(Buffer.from(asked?.stdin ?? '').toString()).toBe('own stdin');
    expect(connector.commands.some(({ command }) => command.includes('pass-canary'))).toBe(false);
  });

  test('with a wrong password fails at once, is not tried again, and does not show it', async () => {
    const { connector, runner } = host(
      [
        [probe, 'password\n'],
        [/./, { exitCode: 1, stderr: 'pass-canary? Sorry, try again.\n' }],
      ],
      { password },
    );
    const error = await runner.run(sh`id`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SUDO_FAILED', retryable: false, message: expect.stringContaining('node-1') });
    expect(JSON.stringify(error)).not.toContain('pass-canary');
    await expect(runner.run(sh`id`)).rejects.toMatchObject({ code: 'SUDO_FAILED' });
    expect(connector.commands.length).toBe(2);
  });

  test('is asked again after a connection was lost', async () => {
    let asked = 0;
    const { runner } = host([
      [probe, () => (asked++ === 0 ? 'drop' : 'root\n')],
      [/./, 'done'],
    ]);
    await expect(runner.run(sh`id`)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    expect((await runner.run(sh`id`)).stdout).toBe('done');
  });

  test.each([
    ['password', 'sudo asks for a password and none was given'],
    ['missing', 'sudo is not installed'],
  ])('that cannot be says why: %s', async (answer, message) => {
    const { runner } = host([[probe, `${answer}\n`]]);
    await expect(runner.run(sh`id`)).rejects.toMatchObject({
      code: 'SUDO_FAILED',
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
  });

  test('is not needed where it is not wanted', async () => {
    const { connector, runner } = host([[/./, '']]);
    await runner.run(sh`id`, { root: false });
    expect(connector.commands.length).toBe(1);
  });
});

describe('a command that fails', () => {
  test('names host and exit code, with the command and the last lines of stderr', async () => {
    const stderr = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('');
    const { runner } = host([[/./, { exitCode: 7, stdout: 'out', stderr }]], false);
    const error = await runner.run(sh`install ${'a b'}`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'COMMAND_FAILED', message: 'a command failed on node-1 with exit code 7' });
    const { details } = error as { details: string[] };
    expect(details).toEqual(["install 'a b'", ...Array.from({ length: 10 }, (_, index) => `line ${index + 20}`)]);
  });

  test('shows stdout where stderr is empty', async () => {
    const { runner } = host([[/./, { exitCode: 1, stdout: 'the reason\n' }]], false);
    await expect(runner.run(sh`x`)).rejects.toMatchObject({ details: ['x', 'the reason'] });
  });

  test('never shows a secret, wherever it was given', async () => {
    const inCommand = new Secret('command-canary');
    const inStdin = new Secret('first line is long\nstdin-canary-line\n');
    const extra = new Secret('extra-canary');
    const stderr = "bad --token 'command-canary', stdin-canary-line, extra-canary\n";
    const { runner } = host([[/./, { exitCode: 1, stderr }]], false);
    const command = allOf(
      script('cd /'),
      sh`login --token ${inCommand} ${['a', inCommand]} ${sh`nested ${inCommand}`}`,
    );
    const lines: string[] = [];
    const error = await runner
      .run(command, { stdin: inStdin, secrets: [extra], onLine: (line) => lines.push(line) })
      .catch((thrown: unknown) => thrown);
    const shown = JSON.stringify([error, (error as Error).message, lines]);
    expect(shown).not.toMatch(/canary/);
    expect(shown).toContain("bad --token '***', ***, ***");
  });

  test('is an answer for tryRun', async () => {
    const { runner } = host([[/./, { exitCode: 3, stderr: 'no' }]], false);
    expect(await runner.tryRun(sh`false`)).toEqual({ exitCode: 3, stdout: '', stderr: 'no' });
  });

  test('for want of space says so', async () => {
    const { runner } = host([[/./, { exitCode: 2, stderr: 'tar: write: No space left on device\n' }]], false);
    await expect(runner.run(sh`tar x`)).rejects.toMatchObject({ code: 'HOST_DISK_FULL' });
  });

  test('by its time tells which', async () => {
    const runner = createRunner(localConnector('node-1'), { name: 'node-1', sudo: false });
    await expect(runner.run(sh`sleep ${20}`, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'COMMAND_TIMEOUT',
      details: ['sleep 20'],
    });
  });
});

test('commands run with LC_ALL=C and find what lies in sbin and /usr/local', async () => {
  const runner = createRunner(localConnector('node-1'), { name: 'node-1', sudo: false });
  const { stdout } = await runner.run(sh`echo "$LC_ALL:$PATH:"`);
  expect(stdout).toMatch(/^C:.*:\/usr\/local\/bin:.*:\/sbin:/);
});

describe('the state of a service', () => {
  const complete = [
    'LoadState=loaded',
    'ActiveState=active',
    'UnitFileState=enabled',
    'NeedDaemonReload=no',
    'MainPID=42',
    'ActiveEnterTimestamp=Mon 2026-11-23 10:48:14.314788 UTC',
    'ActiveEnterTimestampMonotonic=5000000',
  ];
  const stateOf = (lines: readonly string[], exitCode = 0, unit = 'etcd') =>
    host([[/systemctl show/, { exitCode, stdout: `${lines.join('\n')}\n` }]], false).runner.serviceState(unit);

  test('comes from one answer', async () => {
    expect(await stateOf(complete)).toEqual({
      load: 'loaded',
      active: 'active',
      enabled: true,
      needsDaemonReload: false,
      mainPid: 42,
      activeSince: Date.UTC(2026, 10, 23, 10, 48, 14) / 1000 + 0.314788,
    });
  });

  test('of an old systemd has its time from the boot', async () => {
    const second = Date.UTC(2026, 10, 23, 10, 48, 14) / 1000;
    const lines = complete.map((line) => line.replace('.314788', ''));
    const old = await stateOf([`now=${second + 95.75}`, 'uptime=100.50', ...lines]);
    expect(old.activeSince).toBeCloseTo(second + 0.25, 3);
    const drifted = await stateOf([`now=${second + 99}`, 'uptime=100.50', ...lines]);
    expect(drifted.activeSince).toBeCloseTo(second + 0.999, 3);
  });

  test('of a unit that does not exist is an answer', async () => {
    const missing = [
      'LoadState=not-found',
      'ActiveState=inactive',
      'UnitFileState=',
      'NeedDaemonReload=no',
      'MainPID=0',
      'ActiveEnterTimestamp=',
    ];
    expect(await stateOf(missing)).toMatchObject({
      load: 'not-found',
      active: 'inactive',
      enabled: false,
      activeSince: 0,
    });
  });

  test('of a socket has no process', async () => {
    const socket = complete.filter((line) => !line.startsWith('MainPID'));
    expect(await stateOf(socket, 0, 'cri-dockerd.socket')).toMatchObject({ active: 'active', mainPid: 0 });
  });

  test.each(
    complete
      .slice(0, -1)
      .filter((line) => !line.startsWith('UnitFileState'))
      .map((line) => line.split('=')[0]),
  )('is unknown without %s, and not "stopped"', async (property) => {
    const lines = complete.filter((line) => !line.startsWith(`${property}=`));
    await expect(stateOf(lines)).rejects.toThrow('cannot tell the state of etcd on node-1');
  });

  test('is unknown where systemctl fails', async () => {
    await expect(stateOf(complete, 1)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});
