import { expect, test } from 'vitest';
import { likelyCause } from './likely-cause.js';

const error = (details: readonly string[]) => ({ code: 'COMMAND_FAILED', message: 'kubeadm join failed', details });

test('the cause is looked for in what failed, not in what was warned of', () => {
  const warnings = [
    '\t[WARNING SystemVerification]: cgroups v1 support is in maintenance mode',
    'W1123 warning: address already in use is possible',
  ];
  expect(likelyCause(error(warnings), 'w1')).toBeUndefined();
  expect(
    likelyCause(error([`${warnings.join('\n')}\nerror: dial tcp 10.0.0.1:6443: connection refused`]), 'w1'),
  ).toEqual({ cause: 'the API server is not running', next: 'ssh w1 crictl ps -a --name kube-apiserver' });
});
