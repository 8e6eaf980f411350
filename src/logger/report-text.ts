import { formatDuration, plural, printable, shortNode } from './format.js';
import { likelyCause } from './likely-cause.js';
import { totalsText } from './lines.js';
import type { Failure, RunReport } from './report.js';
import type { Style } from './style.js';

export interface ReportTextOptions {
  readonly style: Style;
  readonly logPath?: string | undefined;
  /** Hints that would be printed for every host are the same: failures beyond this number are only named. Default 10. */
  readonly mostFailures?: number;
}

/** The summary of a run: totals and phases. Failures are formatted by `formatFailures`. */
export function formatSummary(report: RunReport, { style }: ReportTextOptions): string {
  const words = {
    done: style.green('done'),
    failed: style.red('failed'),
    interrupted: style.yellow('interrupted'),
    running: style.yellow('not finished'),
  };
  const lines = [
    `${style.bold(report.graph)} ${words[report.state]} in ${formatDuration(report.ms)}: ${totalsText(report.totals)}`,
  ];
  if (report.state === 'done' && report.totals.changed === 0 && report.totals.wouldChange === 0) {
    const all = plural(report.totals.satisfied, 'check');
    lines.push(`Nothing to change: ${all} on ${plural(report.hosts.length, 'host')} found everything as wanted.`);
    return lines.join('\n');
  }
  const width = Math.max(0, ...report.phases.map((phase) => phase.name.length));
  for (const phase of report.phases) {
    const counts = [
      plural(phase.jobs, 'job'),
      phase.changed > 0 ? `${phase.changed} ${report.mode === 'check' ? 'would change' : 'changed'}` : '',
      phase.failed > 0 ? style.red(`${phase.failed} failed`) : '',
    ];
    lines.push(
      `  ${phase.name.padEnd(width)}  ${formatDuration(phase.ms).padStart(7)}  ${counts.filter((text) => text !== '').join(', ')}`,
    );
  }
  return lines.join('\n');
}

/** Each failure with host, step, node, command, exit code, stderr, likely cause, what to type next; then the log. Empty where none failed. */
export function formatFailures(report: RunReport, options: ReportTextOptions): string {
  const { style, logPath, mostFailures = 10 } = options;
  if (report.failures.length === 0) return '';
  const whole = report.failures.slice(0, mostFailures).map((failure) => formatFailure(failure, report.graph, style));
  const rest = report.failures
    .slice(mostFailures)
    .map((failure) => `  ${failure.host}  ${printable(failure.title)}: ${printable(failure.error.message)}`);
  const parts = [...whole];
  if (rest.length > 0) parts.push([`${plural(rest.length, 'more failure')}:`, ...rest].join('\n'));
  if (report.totals.cancelled > 0)
    parts.push(`${plural(report.totals.cancelled, 'job')} did not start because of that.`);
  if (logPath !== undefined) parts.push(`Log: ${logPath}`);
  return parts.join('\n\n');
}

function formatFailure(failure: Failure, graph: string, style: Style): string {
  const { error, host } = failure;
  const guess = likelyCause(error, host);
  const rows: [string, string][] = [
    ['host', host],
    ['step', printable(failure.title)],
    ['node', shortNode(failure.node, graph)],
    ['error', `${printable(error.message)} [${error.code}]`],
  ];
  if (failure.phase !== 'run')
    rows.push([
      'while',
      failure.phase === 'precheck' ? 'looking at the host, before any change' : 'checking that the change took effect',
    ]);
  if (guess !== undefined) rows.push(['likely cause', guess.cause]);
  const next = error.hint ?? guess?.next;
  if (next !== undefined) rows.push(['next', printable(next)]);
  const table = rows.map(([name, value]) => `  ${style.dim(`${name}:`.padEnd(14))}${value}`);
  const details = error.details.map((line) => `    ${style.dim('│')} ${printable(line)}`);
  // Details (command, exit code, last lines of stderr) belong to the error, above the guess.
  const at = rows.findIndex(([name]) => name === 'error') + 1;
  return [
    style.red(`✖ ${host}: ${printable(failure.title)}`),
    ...table.slice(0, at),
    ...details,
    ...table.slice(at),
  ].join('\n');
}
