import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { removeTimer } from './remove-timer.js';

const step = removeTimer({
  timer: 'x.timer',
  service: 'x.service',
  files: ['/etc/systemd/system/x.timer', '/usr/local/sbin/x'],
  directories: ['/var/lib/x'],
});

test('a timer goes with its files and what it kept; where there is none, nothing is done', async () => {
  const trial = hostTrial({
    files: { '/etc/systemd/system/x.timer': '[Timer]', '/usr/local/sbin/x': '', '/var/lib/x/last.json': '{}' },
    commands: [[/^rm -f -- .* && rm -rf -- .* && systemctl daemon-reload$/, '']],
    services: { 'x.timer': { active: 'active', enabled: true } },
  });
  const { first } = await trial.play(step);
  expect(first).toMatchObject({ state: 'needed' });
  const ran = trial.host.operations.join('\n');
  expect(ran).toContain('systemctl disable --now x.timer');
  expect(ran).toContain('systemctl reset-failed x.service');
  expect(await hostTrial().precheck(step)).toMatchObject({ state: 'satisfied' });
});
