import { KubexmError } from '../../src/errors/index.js';

/** The lab's own network. The machine holds the first address and forwards nothing. */
export const labNetwork = { bridge: 'br-lab', gateway: '10.99.0.1', prefixLength: 24 } as const;

const firstHostAddress = 11;
/** Enough for every topology; what a machine carries is decided by its memory (about 0.4 GB a Kubernetes node). */
export const maxHosts = 20;

export interface PlannedHost {
  readonly name: string;
  readonly address: string;
}

/** node1 10.99.0.11, node2 10.99.0.12, ... */
export function planHosts(count: number): readonly PlannedHost[] {
  if (!Number.isInteger(count) || count < 1 || count > maxHosts) {
    throw new KubexmError('USAGE', `a lab has 1 to ${maxHosts} hosts, not ${count}`, {
      hint: 'kubexm lab up --hosts 3',
    });
  }
  return Array.from({ length: count }, (_, index) => ({
    name: `node${index + 1}`,
    address: `10.99.0.${firstHostAddress + index}`,
  }));
}

export function plannedHost(name: string): PlannedHost {
  const found = planHosts(maxHosts).find((host) => host.name === name);
  if (!found) throw new KubexmError('USAGE', `the lab has no host named ${name}`, { hint: 'kubexm lab status' });
  return found;
}

/** The machine's end of a host's link: systemd-nspawn names it so. */
export function linkOf(name: string): string {
  return `vb-${name}`;
}

/** `[node1, node2, node3, extra]` → `[node[1:3], extra]`: the way a person writes it. */
export function compactNames(names: readonly string[]): readonly string[] {
  const out: (string | { prefix: string; from: number; to: number })[] = [];
  for (const name of names) {
    const match = /^(.*?)(\d+)$/.exec(name);
    const prefix = match?.[1];
    if (prefix === undefined) {
      out.push(name);
      continue;
    }
    const number = Number(match?.[2]);
    const last = out.at(-1);
    if (typeof last === 'object' && last.prefix === prefix && last.to + 1 === number) last.to = number;
    else out.push({ prefix, from: number, to: number });
  }
  return out.map((part) => {
    if (typeof part === 'string') return part;
    return part.from === part.to ? `${part.prefix}${part.from}` : `${part.prefix}[${part.from}:${part.to}]`;
  });
}
