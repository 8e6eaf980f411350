import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { daemonReload, disableService, enableService, startService, stopService } from './service.js';

const etcd = { service: 'etcd' };
const journal = [/^journalctl -u etcd.service/, 'one\nlast words\n'] as const;

describe('enableService and disableService', () => {
  test('enable what is not enabled, once', async () => {
    const trial = hostTrial({ services: { etcd: {} } });
    expect((await trial.play(enableService(etcd))).again).toEqual({ state: 'satisfied', because: 'is enabled' });
    expect(trial.host.commands).toEqual(['systemctl enable etcd.service']);
    expect((await trial.play(enableService(etcd))).first.state).toBe('satisfied');
  });

  test('disable what is enabled; a unit that does not exist is as good', async () => {
    const trial = hostTrial({ services: { etcd: { enabled: true, active: 'active' } } });
    expect((await trial.play(disableService(etcd))).again?.state).toBe('satisfied');
    expect(trial.host.services.get('etcd.service')?.active).toBe('active');
    expect(await hostTrial().precheck(disableService(etcd))).toMatchObject({ because: 'there is no such unit' });
  });

  test('undone: as it was', async () => {
    const enabled = hostTrial({ services: { etcd: {} } });
    await enabled.playAndUndo(enableService(etcd));
    expect(enabled.host.services.get('etcd.service')?.enabled).toBe(false);
    const disabled = hostTrial({ services: { etcd: { enabled: true } } });
    await disabled.playAndUndo(disableService(etcd));
    expect(disabled.host.services.get('etcd.service')?.enabled).toBe(true);
  });
});

describe('startService', () => {
  test.each(['inactive', 'failed', 'activating', 'deactivating'] as const)('starts one that is %s', async (active) => {
    const trial = hostTrial({ services: { etcd: { active } } });
    const { first, again } = await trial.play(startService(etcd));
    expect(first).toMatchObject({ state: 'needed', because: `is ${active}` });
    expect(again).toEqual({ state: 'satisfied', because: 'is active' });
    expect(trial.host.commands).toEqual(['systemctl start etcd.service']);
  });

  test('leaves a running one alone', async () => {
    const trial = hostTrial({ services: { etcd: { active: 'active' } } });
    expect((await trial.play(startService(etcd))).first.state).toBe('satisfied');
    expect(trial.host.commands).toEqual([]);
  });

  test('a failure brings along what the service wrote last', async () => {
    const trial = hostTrial({
      services: { etcd: {} },
      commands: [journal, ['systemctl start etcd.service', { exitCode: 1, stderr: 'Job for etcd.service failed.' }]],
    });
    await expect(trial.play(startService(etcd))).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: 'node-1: cannot start etcd.service',
      details: ['one', 'last words'],
      hint: 'on node-1: journalctl -u etcd.service -n 100 --no-pager',
    });
  });

  test('a lost connection is told as such, not as a failure of the service', async () => {
    const trial = hostTrial({ services: { etcd: {} }, faults: [{ on: /systemctl start/, fault: 'drop-connection' }] });
    await expect(trial.play(startService(etcd))).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  });

  test.each([
    { services: {}, code: 'FILE_MISSING', says: 'has no unit etcd.service' },
    { services: { etcd: { load: 'masked' } }, code: 'GUARD_REFUSED', says: 'is masked' },
    { services: { etcd: { load: 'other' } }, code: 'COMMAND_FAILED', says: 'systemd cannot load etcd.service' },
  ] as const)('a unit that cannot run is an error: $code', async ({ services, code, says }) => {
    const trial = hostTrial({ services, commands: [[/^systemctl status/, 'bad-setting']] });
    await expect(trial.precheck(startService(etcd))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
    });
  });

  test('undone: it stands still again', async () => {
    const trial = hostTrial({ services: { etcd: {} } });
    await trial.playAndUndo(startService(etcd));
    expect(trial.host.services.get('etcd.service')?.active).toBe('inactive');
  });
});

describe('stopService', () => {
  test('stops a running one; what does not run or does not exist is as good', async () => {
    const trial = hostTrial({ services: { etcd: { active: 'active' }, old: { active: 'failed' } } });
    expect((await trial.play(stopService(etcd))).again).toEqual({ state: 'satisfied', because: 'is inactive' });
    expect((await trial.precheck(stopService({ service: 'old.service' }))).state).toBe('satisfied');
    expect(await trial.precheck(stopService({ service: 'gone' }))).toMatchObject({ because: 'there is no such unit' });
  });

  test('one whose unit file is gone is stopped all the same', async () => {
    const trial = hostTrial({ services: { etcd: { load: 'not-found', active: 'active' } } });
    expect((await trial.play(stopService(etcd))).first).toMatchObject({ state: 'needed', because: 'is active' });
  });
});

describe('daemonReload', () => {
  const step = daemonReload({ units: ['etcd', 'cri-docker.socket'] });

  test('reloads for units that changed on disk, once', async () => {
    const trial = hostTrial({ services: { etcd: { needsDaemonReload: true }, 'cri-docker.socket': {} } });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'changed on disk: etcd' });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.commands).toEqual(['systemctl daemon-reload']);
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('reloads for a unit file that systemd has not read yet', async () => {
    const trial = hostTrial({ services: { etcd: {} }, files: { '/etc/systemd/system/cri-docker.socket': '[Socket]' } });
    expect(await trial.precheck(step)).toMatchObject({ because: 'not read yet: cri-docker.socket' });
  });

  test('has nothing to do for units that are gone', async () => {
    expect((await hostTrial().precheck(step)).state).toBe('satisfied');
  });
});
