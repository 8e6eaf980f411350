import {
  fit,
  formatBar,
  formatBytes,
  formatClock,
  formatDuration,
  formatPercent,
  plural,
  printable,
} from './format.js';
import type { ActiveJob, RunProgress, TransferProgress } from './progress.js';
import type { Style } from './style.js';

/** What the live view may use of the terminal. */
export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

// A precheck that answers at once would only flicker.
const showCheckAfterMs = 400;
const mostRows = 24;
const barWidth = 20;

/** The lines at the bottom of the terminal: one for the run, then what each host does. Each fits in `columns`. */
export function renderFrame(run: RunProgress, now: number, size: FrameSize, style: Style): string[] {
  const shown = visibleJobs(run, now);
  const rows = Math.max(0, Math.min(size.rows - 3, mostRows));
  const { chosen, left } = choose(shown, rows);
  const hostWidth = Math.min(20, Math.max(4, ...chosen.map((job) => job.host.length)));
  const lines = [header(run, now, size.columns, style)];
  let previousHost = '';
  for (const job of chosen) {
    lines.push(jobLine(job, { now, columns: size.columns, hostWidth, repeatsHost: job.host === previousHost }, style));
    previousHost = job.host;
  }
  if (left > 0) lines.push(style.dim(fit(`  and ${plural(left, 'more job')} at work`, size.columns)));
  return lines;
}

function visibleJobs(run: RunProgress, now: number): ActiveJob[] {
  const order = new Map(run.hosts.map((host, index) => [host, index]));
  return [...run.active.values()]
    .filter((job) => job.acting || now - job.startedAt >= showCheckAfterMs)
    .sort((a, b) => (order.get(a.host) ?? -1) - (order.get(b.host) ?? -1) || a.startedAt - b.startedAt);
}

/** Every host gets its oldest job before any host gets a second one. */
function choose(jobs: readonly ActiveJob[], rows: number): { chosen: ActiveJob[]; left: number } {
  if (jobs.length <= rows) return { chosen: [...jobs], left: 0 };
  const room = Math.max(0, rows - 1); // the last row tells how many are left out
  const rank = new Map<ActiveJob, number>();
  const seen = new Map<string, number>();
  for (const job of jobs) {
    const nth = seen.get(job.host) ?? 0;
    seen.set(job.host, nth + 1);
    rank.set(job, nth);
  }
  const kept = new Set([...jobs].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)).slice(0, room));
  return { chosen: jobs.filter((job) => kept.has(job)), left: jobs.length - kept.size };
}

function header(run: RunProgress, now: number, columns: number, style: Style): string {
  const part = run.jobs === 0 ? 0 : run.finished / run.jobs;
  const counts = [`${run.finished}/${plural(run.jobs, 'job')}`];
  if (run.changed > 0) counts.push(`${run.changed} changed`);
  if (run.wouldChange > 0) counts.push(`${run.wouldChange} would change`);
  if (run.cancelled > 0) counts.push(`${run.cancelled} cancelled`);
  const clock = formatClock(now - run.startedAt);
  const name =
    run.stopping === undefined ? run.graph : `${run.graph} (${run.stopping === 'drain' ? 'stopping' : 'aborting'})`;
  const failed = run.failed > 0 ? ` · ${run.failed} failed` : '';
  const bar = formatBar(part, barWidth);
  const plain = `${name} ${bar} ${formatPercent(part)} · ${counts.join(' · ')} · ${clock}${failed}`;
  if (plain.length > columns) return fit(`${formatPercent(part)} · ${counts[0]} · ${clock}${failed}`, columns);
  return `${style.bold(name)} ${style.cyan(bar)} ${formatPercent(part)} · ${counts.join(' · ')} · ${clock}${style.red(failed)}`;
}

interface LineShape {
  readonly now: number;
  readonly columns: number;
  readonly hostWidth: number;
  /** The host's name is written once, above its further jobs. */
  readonly repeatsHost: boolean;
}

function jobLine(job: ActiveJob, shape: LineShape, style: Style): string {
  const host = fit(shape.repeatsHost ? '' : job.host, shape.hostWidth).padEnd(shape.hostWidth);
  const elapsed = formatDuration(shape.now - job.startedAt);
  const transfer = job.progress === undefined ? '' : describe(job.progress, shape.columns >= 90);
  const tail = [transfer, elapsed].filter((text) => text !== '').join('  ');
  const room = shape.columns - shape.hostWidth - tail.length - 6;
  if (room < 8) return fit(`  ${host}  ${printable(job.title)}`, shape.columns);
  const title = `${job.acting ? '' : 'check: '}${printable(job.title)}`;
  return `  ${style.cyan(host)}  ${(job.acting ? (text: string) => text : style.dim)(fit(title, room).padEnd(room))}  ${style.dim(tail)}`;
}

function describe({ done, total, unit, rate }: TransferProgress, wide: boolean): string {
  if (unit === 'count') return total === undefined ? String(done) : `${done}/${total}`;
  const speed = rate > 0 ? `${formatBytes(rate)}/s` : '';
  if (total === undefined || total === 0) return [formatBytes(done), speed].filter((text) => text !== '').join('  ');
  const bar = wide ? `${formatBar(done / total, 16)} ` : '';
  return [`${bar}${formatPercent(done / total).padStart(4)}`, `${formatBytes(done)} of ${formatBytes(total)}`, speed]
    .filter((text) => text !== '')
    .join('  ');
}
