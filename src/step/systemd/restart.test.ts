import { describe, expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import { type FakeAnswer, type FakeCall, type FakeHost, sh } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { restartPending, restartService, startService } from './service.js';

const config = '/etc/etcd/etcd.yaml';
const unit = '/etc/systemd/system/etcd.service';
const stampPath = '/run/kubexm/services/etcd.json';
const params = { service: 'etcd', inputs: [config, unit] };
const step = restartService(params);

/** Each start has another id, as with systemd. */
const invocation: readonly [RegExp, FakeAnswer] = [
  /^systemctl show --property=InvocationID etcd.service$/,
  (_call: FakeCall, host: FakeHost) => `InvocationID=${host.services.get('etcd.service')?.activeSince || ''}\n`,
];

/** A host on which etcd was started by kubexm, with its inputs. */
async function runningEtcd() {
  const trial = hostTrial({ services: { etcd: {} }, files: { [config]: 'a', [unit]: 'u' }, commands: [invocation] });
  await trial.play(startService(params));
  trial.host.commands.length = 0;
  return trial;
}

const restarts = (host: FakeHost) => host.commands.filter((text) => text.startsWith('systemctl restart')).length;

describe('a service that kubexm started', () => {
  test('runs on while its files are what it was started with', async () => {
    const { play, host } = await runningEtcd();
    expect((await play(step)).first).toEqual({ state: 'satisfied', because: 'runs with these files' });
    // Rewritten with the same content: newer, yet nothing to restart for.
    host.files.put(config, 'a');
    expect((await play(step)).first.state).toBe('satisfied');
    expect(restarts(host)).toBe(0);
  });

  test('is restarted once when one of them changed', async () => {
    const { play, host } = await runningEtcd();
    host.files.put(config, 'b');
    const { first, again } = await play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'its files changed' });
    expect(again).toEqual({ state: 'satisfied', because: 'runs with these files' });
    expect((await play(step)).first.state).toBe('satisfied');
    expect(restarts(host)).toBe(1);
  });

  test('is restarted for a file that came or went', async () => {
    const gone = await runningEtcd();
    gone.host.files.delete(unit);
    expect((await gone.play(step)).again?.state).toBe('satisfied');
    const came = await runningEtcd();
    expect(
      (await came.precheck(restartService({ service: 'etcd', inputs: [...params.inputs, '/etc/new'] }))).state,
    ).toBe('needed');
  });

  test('and that somebody restarted since is judged by the times of its files', async () => {
    const { play, host, precheck } = await runningEtcd();
    host.files.put(config, 'b');
    await host.run(sh`systemctl restart etcd`);
    expect(await precheck(step)).toEqual({
      state: 'satisfied',
      because: 'its files are older than the running service',
    });
    host.files.put(config, 'c');
    expect((await play(step)).first).toMatchObject({ because: `${config} is newer than the running service` });
  });

  test('and that stopped is started', async () => {
    const { play, host } = await runningEtcd();
    await host.run(sh`systemctl stop etcd`);
    expect((await play(step)).first).toMatchObject({ state: 'needed', because: 'is inactive' });
    expect(host.services.get('etcd.service')?.active).toBe('active');
  });
});

describe('kubexm killed', () => {
  test('after a file was written and before the restart: the next run restarts', async () => {
    const { play, host } = await runningEtcd();
    host.files.put(config, 'b');
    expect((await play(step)).first.state).toBe('needed');
    expect(restarts(host)).toBe(1);
  });

  test('after the restart and before its stamp: the next run restarts nothing', async () => {
    const { play, ctx, host } = await runningEtcd();
    host.files.put(config, 'b');
    host.faults = [{ on: /^writeFile .*services/, fault: 'drop-connection' }];
    await expect(step.run(ctx, undefined)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    host.faults = [];
    expect((await play(step)).first).toMatchObject({ because: 'its files are older than the running service' });
    expect(restarts(host)).toBe(1);
  });

  test('after the first start and before its stamp: a file written since is noticed', async () => {
    const { play, host } = await runningEtcd();
    host.files.delete(stampPath);
    expect((await play(step)).first.state).toBe('satisfied');
    host.files.put(config, 'b');
    expect((await play(step)).first.state).toBe('needed');
  });

  test('while a stamp was written: half a stamp is none', async () => {
    const { precheck, host } = await runningEtcd();
    host.files.put(stampPath, '{"invocationId":"17');
    expect((await precheck(step)).state).toBe('satisfied');
  });
});

test('whether a restart is to come is told beforehand, of a service that runs', async () => {
  const { play, precheck, host, outputs } = await runningEtcd();
  const ask = restartPending({ ...params, output: output<string>('pending') });
  expect(await precheck(ask)).toEqual({ state: 'satisfied', because: 'it is not' });
  expect(outputs.get('pending')).toBe('');
  host.files.put(config, 'b');
  await precheck(ask);
  expect(outputs.get('pending')).toBe('its files changed');
  await play(step);
  await precheck(ask);
  expect(outputs.get('pending')).toBe('');
  await host.run(sh`systemctl stop etcd`);
  await precheck(ask);
  expect(outputs.get('pending')).toBe('');
});

test('a file that changes while the service starts counts as changed', async () => {
  const trial = hostTrial({ services: { etcd: {} }, files: { [config]: 'a', [unit]: 'u' }, commands: [invocation] });
  trial.host.script('systemctl start etcd.service', (_call, host) => {
    host.services.set('etcd.service', {
      load: 'loaded',
      active: 'active',
      enabled: true,
      needsDaemonReload: false,
      mainPid: 7,
      activeSince: host.files.tick(),
    });
    host.files.put(config, 'written meanwhile');
    return '';
  });
  await trial.play(startService(params));
  expect((await trial.precheck(step)).state).toBe('needed');
});

test('the same second is taken for a change', async () => {
  const trial = hostTrial({
    services: { etcd: { active: 'active', activeSince: 1000 } },
    files: { [config]: { content: 'a', mtime: 1000 }, [unit]: { content: 'u', mtime: 900 } },
    commands: [invocation],
  });
  expect((await trial.precheck(step)).state).toBe('needed');
});

test('a systemd that tells no ids leaves the decision to the times', async () => {
  const trial = await runningEtcd();
  trial.host.script(/^systemctl show/, 'InvocationID=\n');
  trial.host.files.put(stampPath, '{"invocationId":"","inputs":"x"}');
  expect(await trial.precheck(step)).toMatchObject({ because: 'its files are older than the running service' });
});

test('a directory is no input', async () => {
  const trial = await runningEtcd();
  const withDirectory = restartService({ service: 'etcd', inputs: ['/etc/etcd'] });
  await expect(trial.precheck(withDirectory)).rejects.toThrow('inputs of a service are files');
});

test('a state that cannot be told is an error, not a reason to restart', async () => {
  const { play, host } = await runningEtcd();
  host.faults = [{ on: /^stat/, fault: 'fail' }];
  await expect(play(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  expect(restarts(host)).toBe(0);
});
