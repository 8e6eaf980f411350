import { stripVTControlCharacters } from 'node:util';

/** `840ms`, `2.4s`, `42s`, `1m 07s`, `2h 03m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

/** A clock that counts up: `0:07`, `12:40`, `1:02:03`. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const tail = twoDigits(seconds % 60);
  return hours > 0 ? `${hours}:${twoDigits(minutes % 60)}:${tail}` : `${minutes}:${tail}`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units, three digits: `512 B`, `33.1 MB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `part` between 0 and 1; exactly `width` characters. */
export function formatBar(part: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * width);
  return '━'.repeat(filled) + '─'.repeat(width - filled);
}

/** Rounded down, so that 100% means all of it. */
export function formatPercent(part: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, part)) * 100)}%`;
}

/** At most `width` characters, the end replaced by an ellipsis. */
export function fit(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 0 ? '' : `${text.slice(0, width - 1)}…`;
}

/** `1 job`, `3 jobs`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** One printable line: what hosts print may hold escape sequences, and those belong to nobody's terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** `m1, m2, w1 and 4 more`. */
export function shortList(names: readonly string[], most: number): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}

/** The id without the pipeline's name, which is the same in every line. */
export function shortNode(node: string, graph: string): string {
  return node.startsWith(`${graph}/`) ? node.slice(graph.length + 1) : node;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
