/** A block of IPv4 addresses; both ends belong to it. */
export interface Cidr {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** The address as an unsigned 32-bit number, or undefined when the text is no IPv4 address. */
export function parseIPv4(text: string): number | undefined {
  // Leading zeros are refused: some programs read 010 as eight.
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** `10.0.0.0/8` as a block, or undefined; host bits are cut off: see formatCidr. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(text);
  const address = parseIPv4(match?.[1] ?? '');
  if (match === null || address === undefined) return undefined;
  const prefix = Number(match[2]);
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  return { first, last: first + size - 1, prefix };
}

/** The block in its only right spelling. */
export function formatCidr({ first, prefix }: Cidr): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join('.')}/${prefix}`;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function contains(cidr: Cidr, address: number): boolean {
  return cidr.first <= address && address <= cidr.last;
}
