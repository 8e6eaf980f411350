const millisecondsIn: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const bytesIn: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** `10s`, `1m30s`, `500ms`, `8h` */
export const durationPattern = /^(?:\d+(?:ms|s|m|h))+$/;

/** `1572864`, `512Mi`, `8Gi` */
export const bytesPattern = /^\d+(?:Ki|Mi|Gi)?$/;

/** Milliseconds of a text that durationPattern accepted. */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (millisecondsIn[unit ?? ''] ?? 0), 0);
}

/** Bytes of a number, or of a text that bytesPattern accepted. */
export function bytes(size: number | string): number {
  if (typeof size === 'number') return size;
  const [, count, unit] = /^(\d+)(Ki|Mi|Gi)?$/.exec(size) ?? [];
  return Number(count) * (bytesIn[unit ?? ''] ?? 1);
}
