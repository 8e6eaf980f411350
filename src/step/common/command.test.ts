import { expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { command } from './command.js';

const params = { command: 'make it so', check: 'is it so' };

test('runs where its check says that it is to do, and the check is asked again', async () => {
  let isDone = false;
  const trial = hostTrial({
    commands: [
      ['is it so', () => ({ exitCode: isDone ? 0 : 1 })],
      [
        'make it so',
        () => {
          isDone = true;
          return '';
        },
      ],
    ],
  });
  const { first, again } = await trial.play(command(params));
  expect(first).toMatchObject({ state: 'needed', because: 'its check says that it is still to do' });
  expect(again).toMatchObject({ state: 'satisfied' });
  expect((await trial.play(command(params))).first.state).toBe('satisfied');
  expect(trial.host.commands).toEqual(['is it so', 'make it so', 'is it so', 'is it so']);
});

test('a check that can tell neither way is an error, not a no', async () => {
  const trial = hostTrial({ commands: [['is it so', { exitCode: 127, stderr: 'sh: is: not found' }]] });
  await expect(trial.precheck(command(params))).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    message: 'node-1: a check answered neither 0 (done) nor 1 (to do) but 127',
    details: ['is it so', 'sh: is: not found'],
  });
});

test('without a check it always runs, says so, and is not asked again', async () => {
  const trial = hostTrial({ commands: [['make it so', '']] });
  const step = command({ command: 'make it so\nreally', title: 'Make it so' });
  expect(step).toMatchObject({ title: 'Make it so', recheck: false });
  expect(command({ command: 'make it so\nreally' }).title).toBe('make it so');
  expect(await trial.precheck(step)).toMatchObject({ because: 'has no check of its own, so it always runs' });
});

test('captures what the command prints, or the check where that says done', async () => {
  const capture = output<string>('version');
  const ran = hostTrial({ commands: [['version', 'v3.6.14\n']] });
  const step = command({ command: 'version', capture });
  expect(step.writes).toEqual(['version']);
  await ran.play(step);
  expect(ran.outputs.get('version')).toBe('v3.6.14');
  const checked = hostTrial({ commands: [['is it so', ' v1\n']] });
  await checked.play(command({ ...params, capture }));
  expect(checked.outputs.get('version')).toBe('v1');
});

test('a secret goes in by stdin and is nowhere else; long output goes to the log', async () => {
  const trial = hostTrial({ secrets: { key: 'hunter2' }, commands: [['load', 'one\ntwo\n']] });
  const step = command({ command: 'load', stdin: { $secret: 'key' }, long: true });
  await trial.play(step);
  expect(trial.host.stdins).toEqual(['***']);
  expect(trial.logs).toEqual(['info: one', 'info: two']);
  expect(JSON.stringify(step)).not.toContain('hunter2');
});

test('a command that fails fails the step', async () => {
  const trial = hostTrial({ commands: [['load', { exitCode: 2, stderr: 'no' }]] });
  await expect(trial.play(command({ command: 'load' }))).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});
