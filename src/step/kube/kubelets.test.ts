import { describe, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { kubeletsAccept, kubeletsReport } from './kubelets.js';

const nodes = [
  { name: 'm1', address: '10.0.0.11' },
  { name: 'w1', address: 'fd00::21' },
];

describe('kubeletsAccept', () => {
  test('asks every kubelet with the files, and not as the administrator', async () => {
    const client = { cert: '/pki/client.crt', key: '/pki/client.key' };
    const trial = hostTrial({ commands: [[/^for at in/, '']] });
    expect((await trial.precheck(kubeletsAccept({ nodes, client }))).state).toBe('satisfied');
    const [asked = ''] = trial.host.commands;
    expect(asked).toContain("in 10.0.0.11:10250 '[fd00::21]:10250'");
    expect(asked).toContain('--client-certificate=/pki/client.crt --client-key=/pki/client.key');
    expect(asked).not.toContain('admin.conf');
  });

  test('waits for one that is still to read its CAs anew', async () => {
    let turn = 0;
    const trial = hostTrial({
      commands: [[/admin\.conf/, () => ((turn += 1) === 1 ? '10.0.0.11:10250 error: Unauthorized\n' : '')]],
    });
    expect((await trial.precheck(kubeletsAccept({ nodes }))).state).toBe('satisfied');
    expect(turn).toBe(2);
  });

  test('names those that refuse, and why', async () => {
    const trial = hostTrial({ commands: [[/^for at in/, '[fd00::21]:10250 error: Unauthorized\n']] });
    await expect(trial.precheck(kubeletsAccept({ nodes, waitMs: 0 }))).rejects.toMatchObject({
      code: 'STEP_NOT_EFFECTIVE',
      details: ['w1: error: Unauthorized'],
    });
  });
});

describe('kubeletsReport', () => {
  const leases = (...times: string[]) =>
    JSON.stringify({ items: times.map((renewTime, at) => ({ metadata: { name: `n${at}` }, spec: { renewTime } })) });
  const step = (waitMs?: number) =>
    kubeletsReport({ nodes: ['n0', 'n1'], ...(waitMs === undefined ? {} : { waitMs }) });

  test('every lease is renewed once more', async () => {
    const answers = [leases('1', '1'), leases('2', '2')];
    const trial = hostTrial({ commands: [[/get leases/, () => answers.shift() ?? leases('2', '2')]] });
    expect((await trial.precheck(step())).state).toBe('satisfied');
    expect(answers).toEqual([]);
  });

  test.each([
    ['a lease that nobody renews', leases('1', '1'), 'n0 has not renewed its lease'],
    ['an API that does not answer', { exitCode: 1, stderr: 'refused\n' }, 'refused'],
  ])('%s fails', async (_what, answer, because) => {
    const trial = hostTrial({ commands: [[/get leases/, answer]] });
    await expect(trial.precheck(step(0))).rejects.toMatchObject({ details: expect.arrayContaining([because]) });
  });
});
