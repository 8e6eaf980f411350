import { asError, KubexmError, unreachable } from '../../errors/index.js';
import { type ServiceState, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';

/** Units without a type are services, as for systemctl. */
export function unitName(service: string): string {
  return /\.(service|socket|timer|mount|target|path|slice|swap)$/.test(service) ? service : `${service}.service`;
}

/** The state of a unit that must exist and may be used. */
export async function usableUnit(ctx: StepContext, service: string): Promise<ServiceState> {
  const { host, signal } = ctx;
  const unit = unitName(service);
  const state = await host.serviceState(unit, { signal });
  switch (state.load) {
    case 'loaded':
      return state;
    case 'not-found':
      throw new KubexmError('FILE_MISSING', `${host.name} has no unit ${unit}`, {
        hint: `on ${host.name}: systemctl cat ${unit}`,
      });
    case 'masked':
      throw new KubexmError('GUARD_REFUSED', `${host.name}: ${unit} is masked: somebody forbade it to run`, {
        hint: `on ${host.name}: systemctl unmask ${unit}`,
        retryable: false,
      });
    case 'other':
      throw new KubexmError('COMMAND_FAILED', `${host.name}: systemd cannot load ${unit}`, {
        details: await statusLines(ctx, unit),
        hint: `on ${host.name}: systemd-analyze verify ${unit}`,
      });
    default:
      return unreachable(state.load);
  }
}

/** Runs a verb of systemctl; a failure brings along what the unit wrote last. */
export async function systemctl(ctx: StepContext, verb: 'start' | 'stop' | 'restart', service: string): Promise<void> {
  const unit = unitName(service);
  try {
    // Starting may take as long as the unit's own timeout.
    await ctx.host.run(sh`systemctl ${verb} ${unit}`, { signal: ctx.signal, long: true });
  } catch (error) {
    if (!(error instanceof KubexmError) || error.code !== 'COMMAND_FAILED') throw error;
    throw new KubexmError('COMMAND_FAILED', `${ctx.host.name}: cannot ${verb} ${unit}`, {
      details: await journalLines(ctx, unit),
      hint: journalHint(ctx, unit),
      cause: asError(error),
    });
  }
}

/** The last lines that a unit wrote; empty where the journal cannot be read, since another error is being told. */
export async function journalLines(ctx: StepContext, unit: string): Promise<readonly string[]> {
  return linesOf(ctx, sh`journalctl -u ${unit} -n 15 --no-pager -o cat`);
}

/** The command with which a person reads on. */
export function journalHint({ host }: StepContext, unit: string): string {
  return `on ${host.name}: journalctl -u ${unit} -n 100 --no-pager`;
}

async function statusLines(ctx: StepContext, unit: string): Promise<readonly string[]> {
  return linesOf(ctx, sh`systemctl status --no-pager -l ${unit}`);
}

async function linesOf({ host }: StepContext, command: ReturnType<typeof sh>): Promise<readonly string[]> {
  try {
    const { stdout } = await host.tryRun(command);
    return stdout
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-15);
  } catch {
    return [];
  }
}
