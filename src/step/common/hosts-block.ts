import { hostMarks } from '../../common/host-marks.js';

export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/**
 * The text of a hosts file with kubexm's block holding these entries; all else stays byte for byte. No entries: no block.
 * Undefined where the marks are not one pair, so that nobody can tell what is whose.
 */
export function withHostsBlock(text: string, entries: readonly HostsEntry[]): string | undefined {
  const lines = text.split(/(?<=\n)/);
  const begins = indexesOf(lines, hostMarks.hostsBegin);
  const ends = indexesOf(lines, hostMarks.hostsEnd);
  const [begin, end] = [begins[0], ends[0]];
  const block = entries.length === 0 ? '' : blockText(entries);
  if (begin === undefined && end === undefined) {
    if (block === '') return text;
    return text === '' || text.endsWith('\n') ? text + block : `${text}\n${block}`;
  }
  if (begin === undefined || end === undefined || begins.length + ends.length !== 2 || end < begin) return undefined;
  return [...lines.slice(0, begin), block, ...lines.slice(end + 1)].join('');
}

/** Lines outside of the block that give one of its names another address; resolvers take the first line that matches. */
export function contradictingLines(text: string, entries: readonly HostsEntry[]): string[] {
  const addresses = new Map(entries.flatMap(({ address, names }) => names.map((name) => [name, address] as const)));
  const outside = withHostsBlock(text, []) ?? text;
  return outside.split('\n').filter((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return names.some((name) => addresses.has(name) && addresses.get(name) !== address);
  });
}

function blockText(entries: readonly HostsEntry[]): string {
  const lines = entries.map(({ address, names }) => `${address} ${names.join(' ')}`);
  return [hostMarks.hostsBegin, ...lines, hostMarks.hostsEnd, ''].join('\n');
}

function indexesOf(lines: readonly string[], mark: string): number[] {
  return lines.flatMap((line, index) => (line.trim() === mark ? [index] : []));
}
