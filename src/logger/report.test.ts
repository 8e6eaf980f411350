import { expect, test } from 'vitest';
import type { EngineEvent } from '../engine/events.js';
import { likelyCause } from './likely-cause.js';
import { failingRun, satisfiedRun } from './recorded-events.js';
import { phaseOf, reportReader } from './report.js';
import { formatFailures, formatSummary } from './report-text.js';
import { createStyle } from './style.js';

const style = createStyle(false);

function reportOf(events: readonly EngineEvent[]) {
  const reader = reportReader();
  for (const event of events) reader.read(event);
  return reader.report();
}

test('the summary has totals and phases with their durations', () => {
  expect(formatSummary(reportOf(failingRun), { style })).toBe(
    [
      'create-cluster failed in 3.5s: 2 changed, 2 already as wanted, 1 failed, 1 not started',
      '  resource (shared)    900ms  1 job',
      '  infrastructure        2.4s  4 jobs, 2 changed, 1 failed',
    ].join('\n'),
  );
});

test('a failure shows host, step, node, command, stderr, likely cause, what to type next and the log', () => {
  expect(formatFailures(reportOf(failingRun), { style, logPath: '.kubexm/demo/runs/1/run.log' })).toBe(
    [
      '✖ w1: Extract etcd',
      '  host:         w1',
      '  step:         Extract etcd',
      '  node:         infrastructure/install-etcd/extract',
      '  error:        tar on w1 ended with exit code 2 [COMMAND_FAILED]',
      '    │ $ tar -xzf /tmp/etcd.tar.gz -C /usr/local/bin',
      '    │ tar: write error: No space left on device',
      '  likely cause: a file system on the host is full',
      '  next:         ssh w1 df -h',
      '',
      '1 job did not start because of that.',
      '',
      'Log: .kubexm/demo/runs/1/run.log',
    ].join('\n'),
  );
});

test('a run without changes says so clearly', () => {
  expect(formatSummary(reportOf(satisfiedRun), { style })).toBe(
    'create-cluster done in 700ms: 6 already as wanted\nNothing to change: 6 checks on 2 hosts found everything as wanted.',
  );
});

test("an error's own hint is better than a guess", () => {
  const events = failingRun.map((event) =>
    event.type === 'job-finished' && event.outcome.state === 'failed'
      ? { ...event, outcome: { ...event.outcome, error: { ...event.outcome.error, hint: 'free some space in /usr' } } }
      : event,
  );
  expect(formatFailures(reportOf(events), { style })).toContain('next:         free some space in /usr');
});

test.each([
  ['connect: connection refused 10.0.0.1:6443', 'the API server is not running'],
  [
    'E: Could not get lock /var/lib/dpkg/lock-frontend',
    'another package manager is at work (often unattended-upgrades)',
  ],
  ['x509: certificate has expired or is not yet valid', "the host's clock is wrong, or a certificate has run out"],
])('%s: %s', (message, cause) => {
  expect(likelyCause({ code: 'COMMAND_FAILED', message, details: [] }, 'm1')?.cause).toBe(cause);
});

test('an unknown trouble gets no invented cause', () => {
  expect(likelyCause({ code: 'COMMAND_FAILED', message: 'foo', details: [] }, 'm1')).toBeUndefined();
});

test('a phase is the top segment below the pipeline', () => {
  expect([phaseOf('p/a/b/c', 'p'), phaseOf('/pki/etcd/ca', 'p'), phaseOf('p', 'p')]).toEqual([
    'a',
    'pki (shared)',
    'p',
  ]);
});
