import { describe, expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { checkAccepted, checkServed } from './served.js';

const client = { endpoint: 'https://10.0.0.1:2379', certificate: 'server', client: 'admin' };
const peer = { endpoint: 'https://10.0.0.1:2380', certificate: 'peer', client: 'peer' };
/** As etcdctl v3.6.14 says it. */
const warning = (error: string) => ({
  exitCode: 1,
  stderr: `{"level":"warn","msg":"retrying of unary invoker failed","error":"rpc error: code = DeadlineExceeded desc = latest balancer error: connection error: desc = \\"${error}\\""}\nFailed to get the status of endpoint (context deadline exceeded)\n`,
});
const passed = 'error reading server preface: http2: failed reading the frame payload';
const refused =
  'transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority';

describe('a member serves', () => {
  const trialOf = (answers: readonly FakeAnswer[]) => {
    let asked = 0;
    return hostTrial({
      name: 'm1',
      commands: [[/etcdctl .* endpoint status/, () => answers[Math.min(asked++, answers.length - 1)] as never]],
    });
  };

  test('exactly this certificate: nothing else is trusted in the handshake', async () => {
    const seen: string[] = [];
    const trial = hostTrial({
      commands: [
        [
          /etcdctl/,
          ({ text }) => {
            seen.push(text);
            return '[]';
          },
        ],
      ],
    });
    expect((await trial.precheck(checkServed(client))).because).toBe('it is served');
    expect(seen[0]).toMatch(/--cacert=\/etc\/etcd\/pki\/server\.pem --cert=\/etc\/etcd\/pki\/admin\.pem/);
  });

  test('the port of the peers speaks no gRPC: a handshake that was passed is proof enough', async () => {
    expect((await trialOf([warning(passed)]).precheck(checkServed(peer))).state).toBe('satisfied');
  });

  test('another one only for a moment: it is asked again', async () => {
    expect((await trialOf([warning(refused), '[]']).precheck(checkServed(client))).state).toBe('satisfied');
  });

  test('another one for good', async () => {
    await expect(trialOf([warning(refused)]).precheck(checkServed({ ...client, waitMs: 300 }))).rejects.toMatchObject({
      code: 'STEP_NOT_EFFECTIVE',
      message: 'm1: https://10.0.0.1:2379 does not serve /etc/etcd/pki/server.pem',
      details: ['x509: certificate signed by unknown authority'],
      hint: expect.stringContaining('.previous'),
    });
  });
});

describe('members accept a client', () => {
  const step = checkAccepted({
    endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
    client: 'apiserver-etcd-client',
  });

  test('when all of them do', async () => {
    const trial = hostTrial({ commands: [[/kubectl .*get --raw=\/version/, '{"etcdserver":"3.6.14"}']] });
    expect((await trial.precheck(step)).because).toBe('all members accept it');
  });

  test('not when one does not', async () => {
    const trial = hostTrial({
      name: 'm1',
      commands: [
        [/--server=https:\/\/10\.0\.0\.2:2379/, { exitCode: 1, stderr: 'remote error: tls: bad certificate\n' }],
        [/kubectl/, '{}'],
      ],
    });
    await expect(trial.precheck(step)).rejects.toMatchObject({
      code: 'STEP_NOT_EFFECTIVE',
      details: ['https://10.0.0.2:2379: remote error: tls: bad certificate'],
    });
  });
});
