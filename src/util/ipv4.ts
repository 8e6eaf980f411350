/** The n-th address of an IPv4 network: `nthAddress('10.96.0.0/12', 10)` is `10.96.0.10`. */
export function nthAddress(cidr: string, n: number): string {
  const [address = ''] = cidr.split('/');
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
