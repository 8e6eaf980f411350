import type { X509Certificate } from 'node:crypto';

/** Days until the certificate ends, with fractions; negative when it is over. */
export function daysLeft({ validTo }: X509Certificate): number {
  return (Date.parse(validTo) - Date.now()) / 86_400_000;
}

/** `29 days`, `1 day`, `0 days` for what is left of the last one. */
export function daysText(days: number): string {
  const whole = Math.floor(days);
  return whole === 1 ? '1 day' : `${whole} days`;
}
