import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** `address`: an IPv4 address or a name. */
export interface EndpointAnswers {
  readonly address: string;
  readonly port: number;
}

/** Waits until the API answers at an address, with a certificate that has it. Asked on a control plane. */
export const endpointAnswers = defineStep<EndpointAnswers>({
  kind: 'kube.endpoint-answers',
  title: (p) => `Reach the API at ${p.address}:${p.port}`,
  recheck: false,
  waits: true,
  policy: { timeoutMs: 150_000 },
  async precheck(ctx, p) {
    const answer = await asked(ctx, p);
    return answer.done ? satisfied('it answers') : needed(answer.because);
  },
  async run(ctx, p) {
    const answer = await pollUntil(() => asked(ctx, p), { timeoutMs: 120_000, intervalMs: 500, signal: ctx.signal });
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: the API does not answer at ${p.address}:${p.port}`, {
      details: [answer.because],
      hint: `on the hosts that keep the address: ip address; crictl ps -a --name kube-vip; journalctl -u kubexm-keepalived -u kubexm-haproxy -n 30`,
    });
  },
});

async function asked(
  { host, signal }: StepContext,
  { address, port }: EndpointAnswers,
): Promise<{ readonly done: boolean; readonly because: string }> {
  const { exitCode, stderr } = await host.tryRun(
    kubectl([`--server=https://${address}:${port}`, '--request-timeout=5s', 'get', '--raw=/readyz']),
    { signal },
  );
  return { done: exitCode === 0, because: stderr.trim().split('\n').at(-1) ?? '' };
}
