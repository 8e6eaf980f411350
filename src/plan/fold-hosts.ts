import type { HostName } from './types.js';

/** Host names for people: `m1, w[1:40], lb`. Runs of three or more numbers are folded. */
export function foldHosts(hosts: readonly HostName[]): string {
  const parts: string[] = [];
  let run: { readonly prefix: string; readonly first: number; last: number } | undefined;
  const flush = (): void => {
    if (run === undefined) return;
    const { prefix, first, last } = run;
    if (last - first >= 2) parts.push(`${prefix}[${first}:${last}]`);
    else for (let number = first; number <= last; number += 1) parts.push(`${prefix}${number}`);
    run = undefined;
  };
  for (const host of hosts) {
    const [, prefix, digits] = /^(.*?)(0|[1-9]\d{0,8})$/.exec(host) ?? [];
    // w007 cannot be folded: its zeros would be lost.
    if (prefix === undefined || digits === undefined || prefix.endsWith('0')) {
      flush();
      parts.push(host);
      continue;
    }
    const number = Number(digits);
    if (run !== undefined && run.prefix === prefix && run.last + 1 === number) {
      run.last = number;
      continue;
    }
    flush();
    run = { prefix, first: number, last: number };
  }
  flush();
  return parts.join(', ');
}
