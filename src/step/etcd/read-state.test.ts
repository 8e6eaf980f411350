import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { type EtcdStateReport, readEtcdState } from './read-state.js';

const own = 'https://10.0.0.1:2379';
/** As etcdctl v3.6.14 answers under an alarm; its exit code is 1 then. */
const alarmed = [{ endpoint: own, health: false, took: '2.5ms', error: 'Active Alarm(s): NOSPACE CORRUPT ' }];
const raised = '{"alarms":[{"memberID":10276657743932975437,"alarm":1},{"alarm":2}]}';

async function read(answers: Readonly<Record<string, string>>): Promise<EtcdStateReport> {
  const stdout = Object.entries(answers)
    .map(([name, text]) => `@@${name}\n${text}\n\n`)
    .join('');
  let report: unknown;
  const trial = hostTrial({ commands: [[/mktemp/, stdout]] });
  const ctx = { ...trial.ctx, log: (_level: string, _name: string, data: unknown) => void (report = data) };
  await readEtcdState({ report: 'etcd:state', own, others: [] }).precheck(ctx);
  return report as EtcdStateReport;
}

test('a member that commits is healthy under an alarm, which is told by itself', async () => {
  const { endpoints, alarms } = await read({ health: JSON.stringify(alarmed), alarms: raised });
  expect(endpoints).toEqual([{ endpoint: own, healthy: true, latencyMs: 2.5 }]);
  expect(alarms).toEqual([
    { memberId: '8e9e05c52164694d', alarm: 'NOSPACE' },
    { memberId: '0', alarm: 'CORRUPT' },
  ]);
});

test('an alarm that the list does not name is not taken for health', async () => {
  const { endpoints } = await read({ health: JSON.stringify(alarmed), alarms: '', 'alarms.err': 'context deadline' });
  expect(endpoints).toMatchObject([
    { healthy: false, error: 'alarm NOSPACE, CORRUPT, and the list of alarms cannot be read' },
  ]);
});

test('what does not commit is not healthy, and says why', async () => {
  const silent = [{ endpoint: own, health: false, took: '5s', error: 'context deadline exceeded' }];
  const { endpoints } = await read({ health: JSON.stringify(silent) });
  expect(endpoints).toEqual([{ endpoint: own, healthy: false, error: 'context deadline exceeded' }]);
});
