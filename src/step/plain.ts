import { KubexmError } from '../errors/index.js';
import type { Json } from '../plan/index.js';

/** A deeply frozen copy of plain data; keys whose value is undefined are left out. Throws on anything that JSON cannot hold. */
export function plainCopy(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(plainCopy));
  if (typeof value === 'object' && isPlainObject(value)) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.freeze(Object.fromEntries(entries.map(([key, member]) => [key, plainCopy(member)])));
  }
  throw new KubexmError('INTERNAL', `params of a step must be plain data, not ${describe(value)}`);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : typeof value;
}
