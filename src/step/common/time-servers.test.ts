import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { configureTimeServers, timeInSync } from './time-servers.js';

const step = configureTimeServers({ servers: ['ntp.example', '10.0.0.1'] });
const restarts = [/^systemctl restart chronyd/, ''] as const;
const active = [/^systemctl is-active/, ''] as const;

test.each([
  ['Debian', '/etc/chrony/chrony.conf', 'confdir /etc/chrony/conf.d\n', '/etc/chrony/conf.d/kubexm.conf'],
  ['SUSE', '/etc/chrony.conf', 'include /etc/chrony.d/*.conf\n', '/etc/chrony.d/kubexm.conf'],
])('%s: the servers are in a file that chrony reads', async (_name, main, text, file) => {
  const { play, host } = hostTrial({ files: { [main]: text }, commands: [restarts, active] });
  const { first, again } = await play(step);
  expect(first).toMatchObject({ state: 'needed', because: 'missing' });
  expect(again).toEqual({ state: 'satisfied', because: 'chrony runs with these servers' });
  expect(await host.readFile(file)).toMatch(/\nserver ntp.example iburst prefer\nserver 10.0.0.1 iburst prefer\n$/);
  expect(await host.readFile(main)).toBe(text);
  expect(host.commands.filter((command) => command.startsWith('systemctl restart'))).toHaveLength(1);
});

test('RHEL: a chrony that reads no directory is told of one', async () => {
  const { play, host } = hostTrial({
    files: { '/etc/chrony.conf': 'pool 2.rhel.pool.ntp.org iburst' },
    commands: [restarts, active],
  });
  expect((await play(step)).again?.state).toBe('satisfied');
  expect(await host.readFile('/etc/chrony.conf')).toBe(
    'pool 2.rhel.pool.ntp.org iburst\n# Written by kubexm; changes made here are overwritten.\nconfdir /etc/chrony.d\n',
  );
  expect((await play(step)).first.state).toBe('satisfied');
});

test('a host without chrony is an error, not one without servers', async () => {
  await expect(hostTrial().precheck(step)).rejects.toMatchObject({ code: 'FILE_MISSING' });
});

test('in sync is what chrony says', async () => {
  const tracking = (leap: string) =>
    [/tracking$/, `System time     : 0.0001 seconds fast\nLeap status     : ${leap}\n`] as const;
  expect((await hostTrial({ commands: [tracking('Normal')] }).precheck(timeInSync({ waitSeconds: 0 }))).state).toBe(
    'satisfied',
  );
  const lost = hostTrial({ commands: [tracking('Not synchronised'), [/sources$/, '^? ntp.example 0 6']] });
  await expect(lost.play(timeInSync({ waitSeconds: 0 }))).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
    details: ['leap status: Not synchronised', '^? ntp.example 0 6'],
  });
});
