import { KubexmError } from '../../errors/index.js';
import { type CommandResult, script } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import type { Command } from './params.js';

/** Runs one command. With a `check` it runs only where that says that there is something to do. */
export const command = defineStep({
  kind: 'command',
  title: (p: Command) => p.title ?? p.command.split('\n', 1).join(''),
  writes: (p) => (p.capture ? [p.capture.$output] : []),
  recheck: (p) => p.check !== undefined,
  async precheck(ctx, p) {
    if (p.check === undefined) return needed('has no check of its own, so it always runs');
    const result = await ctx.host.tryRun(script(p.check), { signal: ctx.signal, root: p.root ?? true });
    if (result.exitCode === 1) return needed('its check says that it is still to do');
    if (result.exitCode !== 0) throw undecided(ctx, p.check, result);
    capture(ctx, p, result);
    return satisfied('its check says that it is done');
  },
  async run(ctx, p) {
    const secret = p.stdin && (await ctx.secret(p.stdin));
    const result = await ctx.host.run(script(p.command), {
      signal: ctx.signal,
      root: p.root ?? true,
      ...(secret ? { stdin: secret, secrets: [secret] } : {}),
      ...(p.long ? { long: true, onLine: (line) => ctx.log('info', line) } : {}),
    });
    capture(ctx, p, result);
  },
});

function capture(ctx: StepContext, p: Command, { stdout }: CommandResult): void {
  if (p.capture) ctx.write(p.capture, stdout.trim());
}

function undecided(ctx: StepContext, check: string, { exitCode, stderr }: CommandResult): KubexmError {
  return new KubexmError(
    'COMMAND_FAILED',
    `${ctx.host.name}: a check answered neither 0 (done) nor 1 (to do) but ${exitCode}`,
    {
      details: [check, ...stderr.trim().split('\n').slice(-5)].filter((line) => line !== ''),
    },
  );
}
