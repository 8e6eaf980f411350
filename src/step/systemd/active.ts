import { KubexmError } from '../../errors/index.js';
import { type ServiceState, sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import type { IsServiceActive } from './params.js';
import { journalHint, journalLines, unitName, usableUnit } from './unit.js';

const defaultStableMs = 1000;

/** Waits until a service is active and has stayed so for a while; one that starts again and again is not. */
export const isServiceActive = defineStep({
  kind: 'service.active',
  title: (p: IsServiceActive) => `Check that ${p.service} runs`,
  // Waiting is its own matter: longer than any `waitMs` in use.
  policy: { timeoutMs: 900_000, attempts: 1 },
  async precheck(ctx, p) {
    const { active } = await usableUnit(ctx, p.service);
    if (active !== 'active') return needed(`is ${active}`);
    const forMs = await activeForMs(ctx, unitName(p.service));
    const stableMs = p.stableMs ?? defaultStableMs;
    return forMs >= stableMs ? satisfied('is active') : needed(`is active for only ${forMs} ms`);
  },
  async run(ctx, p) {
    const unit = unitName(p.service);
    const stableMs = p.stableMs ?? defaultStableMs;
    const answer = await pollUntil(
      async () => {
        const state = await usableUnit(ctx, p.service);
        if (state.active === 'failed') throw await notActive(ctx, unit, state, 'COMMAND_FAILED');
        return { done: state.active === 'active' && (await activeForMs(ctx, unit)) >= stableMs, state };
      },
      { timeoutMs: (p.waitMs ?? 60_000) + stableMs, intervalMs: 250, signal: ctx.signal },
    );
    if (!answer.done) throw await notActive(ctx, unit, answer.state, 'WAIT_TIMEOUT');
  },
});

/** By the host's own clock since boot, so that neither its time nor the control machine's matters. */
async function activeForMs({ host, signal }: StepContext, unit: string): Promise<number> {
  const { stdout } = await host.run(
    sh`cat /proc/uptime && systemctl show --property=ActiveEnterTimestampMonotonic ${unit}`,
    { signal },
  );
  const [, uptimeSeconds, sinceMicroseconds] =
    /^(\d+\.\d+) .*\nActiveEnterTimestampMonotonic=(\d+)$/m.exec(stdout) ?? [];
  if (uptimeSeconds !== undefined && sinceMicroseconds !== undefined) {
    return Math.round(Number(uptimeSeconds) * 1000 - Number(sinceMicroseconds) / 1000);
  }
  throw new KubexmError('COMMAND_FAILED', `${host.name}: cannot read since when ${unit} is active`, {
    details: [stdout],
  });
}

async function notActive(
  ctx: StepContext,
  unit: string,
  { active }: ServiceState,
  code: 'COMMAND_FAILED' | 'WAIT_TIMEOUT',
): Promise<KubexmError> {
  const what = active === 'active' ? 'keeps starting again' : `is ${active}`;
  return new KubexmError(code, `${ctx.host.name}: ${unit} ${what}`, {
    details: await journalLines(ctx, unit),
    hint: journalHint(ctx, unit),
  });
}
