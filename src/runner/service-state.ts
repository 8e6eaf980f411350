import { KubexmError } from '../errors/index.js';
import { quote } from './shell.js';
import type { CommandResult, ServiceState } from './types.js';

const properties =
  'LoadState,ActiveState,UnitFileState,NeedDaemonReload,MainPID,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic';

/**
 * Microseconds, for comparisons with files' times: from systemd where it can (247 and newer), else from the time since boot. In UTC,
 * since time zones' abbreviations are ambiguous.
 */
export function serviceStateScript(unit: string): string {
  const show = `TZ=UTC systemctl show --no-pager -p ${properties}`;
  return `${show} --timestamp=us+utc -- ${quote(unit)} 2>/dev/null ||
{ date +now=%s.%N; read u _ < /proc/uptime; echo "uptime=$u"; ${show} -- ${quote(unit)}; }`;
}

/** Strict: an answer that is cut off or unknown must not read as "not running". */
export function parseServiceState(host: string, unit: string, result: CommandResult): ServiceState {
  const values = new Map(
    result.stdout.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
  const load = values.get('LoadState');
  const active = values.get('ActiveState');
  const pid = values.get('MainPID') ?? (unit.endsWith('.service') || !unit.includes('.') ? undefined : '0');
  const reload = values.get('NeedDaemonReload');
  const since = values.get('ActiveEnterTimestamp');
  const complete = load !== undefined && pid !== undefined && reload !== undefined && since !== undefined;
  if (result.exitCode !== 0 || !complete || !isActiveState(active)) {
    throw new KubexmError(
      'COMMAND_FAILED',
      `cannot tell the state of ${unit} on ${host} (exit code ${result.exitCode})`,
      {
        details: (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-10),
      },
    );
  }
  return {
    load: load === 'loaded' || load === 'not-found' || load === 'masked' ? load : 'other',
    active,
    enabled: values.get('UnitFileState') === 'enabled' || values.get('UnitFileState') === 'alias',
    needsDaemonReload: reload === 'yes',
    mainPid: Number(pid),
    activeSince: active === 'inactive' || active === 'failed' ? 0 : activeSince(since, values),
  };
}

const activeStates = ['active', 'activating', 'deactivating', 'reloading', 'failed', 'inactive'] as const;

function isActiveState(text: string | undefined): text is ServiceState['active'] {
  return activeStates.some((state) => state === text);
}

/** `Mon 2026-11-23 10:51:51.123456 UTC`, or whole seconds and what the boot time gives within that second. */
function activeSince(timestamp: string, values: ReadonlyMap<string, string>): number {
  const [, date, time, fraction] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?/.exec(timestamp) ?? [];
  if (date === undefined || time === undefined) return 0;
  const whole = Date.parse(`${date}T${time}Z`) / 1000;
  if (fraction !== undefined) return whole + Number(fraction);
  const booted = Number(values.get('now')) - Number(values.get('uptime'));
  const exact = booted + Number(values.get('ActiveEnterTimestampMonotonic')) / 1e6;
  return Number.isNaN(exact) ? whole : Math.min(Math.max(exact, whole), whole + 0.999);
}
