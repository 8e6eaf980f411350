import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KubexmError } from '../errors/index.js';
import { createStyle } from '../logger/index.js';
import { Secret } from '../secrets/index.js';
import { recordingIo } from './recording-io.js';
import { exitCodeOf, renderError, reportError } from './report-error.js';

const style = createStyle(false);
const refused = new KubexmError('SSH_AUTH', 'w1 refused the key ~/.ssh/id', {
  details: ['offered: ed25519', 'server allows: password'],
  hint: 'ssh-copy-id root@10.0.0.2',
  cause: new Error('All configured authentication methods failed'),
});

test('an error says what failed, what is known of it and what to do next', () => {
  expect(renderError(refused, { style, debug: false })).toBe(
    [
      '✖ w1 refused the key ~/.ssh/id [SSH_AUTH]',
      '  offered: ed25519',
      '  server allows: password',
      'Next: ssh-copy-id root@10.0.0.2',
    ].join('\n'),
  );
});

test('--debug adds the stack and the causes', () => {
  const text = renderError(refused, { style, debug: true });
  expect(text).toContain('report-error.test.ts');
  expect(text).toContain('All configured authentication methods failed');
});

test.each([
  [new KubexmError('CONFIG_INVALID', ''), 2],
  [new KubexmError('GUARD_REFUSED', ''), 4],
  [new KubexmError('CANCELLED', ''), 130],
  [new KubexmError('COMMAND_FAILED', ''), 1],
  [new TypeError('x is not a function'), 1],
])('%s ends with its exit code', (error, code) => expect(exitCodeOf(error)).toBe(code));

test('with -o json the error is the result', async () => {
  const io = recordingIo();
  await reportError(refused, { io, debug: false, json: true });
  expect(JSON.parse(io.out())).toMatchObject({ error: { code: 'SSH_AUTH', hint: 'ssh-copy-id root@10.0.0.2' } });
  expect(io.err()).toContain('w1 refused the key');
});

test('an unexpected error is called a bug, with a file that holds its stack and no secret', async () => {
  const io = { ...recordingIo(), logPath: '.kubexm/demo/runs/1' };
  io.redactor.add(new Secret('correct-horse'));
  await reportError(new TypeError('correct-horse is not a function'), { io, debug: false, json: false });
  const text = io.err();
  expect(text).toContain('This is a bug in kubexm');
  expect(text).toContain('.kubexm/demo/runs/1');
  const crash = readFileSync(/\S+crash\.log/.exec(text)?.[0] ?? '', 'utf8');
  expect(crash).toContain('report-error.test.ts');
  expect(text + crash).not.toContain('correct-horse');
});
