import { expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { readRenewal } from './read-renewal.js';

async function answerTo(stdout: string): Promise<Json | undefined> {
  const trial = hostTrial({ commands: [[/kubexm-certs-renew/, stdout]] });
  let found: Json | undefined;
  const ctx = { ...trial.ctx, log: (_level: string, _name: string, data?: Json) => void (found = data) };
  await readRenewal({ report: 'r' }).precheck(ctx);
  return found;
}

test('a host tells of its timer and of its last run', async () => {
  const last = { time: '2026-01-01T00:00:00Z', state: 'failed', said: 'not all apiservers serve' };
  const loaded = 'LoadState=loaded\nActiveState=active\n';
  expect(await answerTo(`${loaded}ServiceActiveState=failed\n${JSON.stringify(last)}\n`)).toEqual({
    timer: 'active',
    isRunning: false,
    last,
  });
  expect(await answerTo(`${loaded}ServiceActiveState=activating\n`)).toEqual({ timer: 'active', isRunning: true });
  expect(await answerTo('LoadState=loaded\nActiveState=inactive\nServiceActiveState=inactive\n')).toMatchObject({
    timer: 'inactive',
  });
  expect(await answerTo('LoadState=not-found\nActiveState=inactive\nServiceActiveState=inactive\n')).toEqual({
    timer: 'absent',
    isRunning: false,
  });
});
