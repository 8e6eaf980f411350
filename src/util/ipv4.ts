/** The n-th address of an IPv4 network: `nthAddress('10.96.0.0/12', 10)` is `10.96.0.10`. */
export function nthAddress(cidr: string, n: number): string {
  const [address = ''] = cidr.split('/');
  const number = numberOf(address) + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** Whether an IPv4 address lies in a network: `isWithin('10.0.0.100', '10.0.0.11/24')`. */
export function isWithin(address: string, cidr: string): boolean {
  const [network = '', prefix = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(prefix));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(network) / size);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
