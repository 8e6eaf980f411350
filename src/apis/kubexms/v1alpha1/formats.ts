import * as z from 'zod';
import { formatCidr, parseCidr, parseIPv4 } from './ipv4.js';
import type { JsonObject } from './types.js';
import { bytesPattern, durationPattern } from './units.js';

/** A text that must match; `form` says what it should look like, with an example. */
export function text(pattern: RegExp, form: string) {
  return z.string().regex(pattern, { error: ({ input }) => `${JSON.stringify(input)} is not ${form}` });
}

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const dnsLabelPattern = new RegExp(`^${label}$`);
const dnsNamePattern = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`);

/** DNS-1123 label. */
export const dnsLabel = text(dnsLabelPattern, 'a name of lower-case letters, digits and dashes, such as "demo"');

/** DNS-1123 subdomain; all digits and dots would read as an address. */
export const dnsName = text(
  dnsNamePattern,
  'a DNS name of lower-case letters, digits, dashes and dots, such as "node-1"',
).refine((name) => !/^[\d.]+$/.test(name), {
  error: ({ input }) => `"${String(input)}" looks like an address, not like a name`,
});

export const ipv4 = z
  .string()
  .refine((address) => parseIPv4(address) !== undefined, { error: ({ input }) => notAnAddress(String(input)) })
  .meta({ format: 'ipv4' });

const isAddressOrName = (address: string): boolean => parseIPv4(address) !== undefined || isDnsName(address);
const neither = {
  error: ({ input }: { readonly input?: unknown }) =>
    `${JSON.stringify(input)} is neither an IPv4 address nor a DNS name`,
};

/** An IPv4 address or a DNS name. */
export const addressOrName = z.string().refine(isAddressOrName, neither);

/** The same; empty where there is none. A union of both would only say that neither fits. */
export const addressOrNothing = z.string().refine((address) => address === '' || isAddressOrName(address), neither);

export const cidr = z.string().superRefine((value, check) => {
  const block = parseCidr(value);
  if (block === undefined) {
    check.addIssue({ code: 'custom', message: `"${value}" is not an IPv4 network such as 10.233.64.0/18` });
  } else if (formatCidr(block) !== value) {
    check.addIssue({
      code: 'custom',
      message: `"${value}" has bits beyond its /${block.prefix}; write ${formatCidr(block)}`,
    });
  }
});

export const port = z.int().min(1).max(65_535);

/** `v1.34.4`; says the right form when the v is missing. */
export function versionWithV(example: string) {
  return z.string().regex(/^v\d+\.\d+\.\d+(?:-[\w.]+)?$/, {
    error: ({ input }) => {
      const value = String(input);
      if (/^\d+\.\d+\.\d+/.test(value)) return `"${value}" lacks its v; write v${value}`;
      return `"${value}" is not a version; write all three numbers, such as ${example}`;
    },
  });
}

/** `2.1.9`; says the right form when there is a v. */
export function versionWithoutV(example: string) {
  return z.string().regex(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/, {
    error: ({ input }) => {
      const value = String(input);
      if (/^v\d+\.\d+\.\d+/.test(value))
        return `"${value}" has a v that does not belong there; write ${value.slice(1)}`;
      return `"${value}" is not a version; write all three numbers, such as ${example}`;
    },
  });
}

export const duration = text(durationPattern, 'a duration such as 10s, 1m30s or 500ms');

/** A number of bytes, or a text such as `8Gi`. */
const sizeForm = 'not a size; write bytes or a number with Ki, Mi or Gi, such as 8Gi';
export const size = z.union([z.int().positive(), z.string().regex(bytesPattern, { error: sizeForm })], {
  error: sizeForm,
});

export const absolutePath = text(/^\/(?:[\w.@-]+\/?)*$/, 'an absolute path such as /var/lib/etcd').refine(
  (path) => path !== '/' && !path.split('/').includes('..'),
  { error: ({ input }) => `${JSON.stringify(input)} is not a directory of its own` },
);

export const url = text(/^https?:\/\/[^\s/]+\S*$/, 'a URL; it starts with https:// or http://');

/** Host of a registry: `docker.io`, `registry.example:5000`. */
export const registryHost = text(
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?$/,
  'a registry host such as docker.io',
);

export const imageReference = text(
  /^[A-Za-z0-9][\w.-]*(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/,
  'an image such as registry.example/pause:3.10.1',
);

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'must be a text, a number or true or false' });

/** Flags and the like: numbers and booleans are taken as they are written. */
export const scalars = z.record(z.string(), scalar);

/** Anything that JSON can say below the keys; handed on as it is. */
export const jsonObject = z.record(z.string(), z.unknown()).transform((value) => value as JsonObject);

export const extraArgs = z
  .record(text(/^[a-z0-9][a-z0-9-]*$/, 'a flag without its dashes, such as audit-log-path'), scalar)
  .default({})
  .describe('Flags without their dashes: `{ v: 4 }`.');

export const extraConfig = jsonObject.default({});

/** All values as texts. */
export function texts(values: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function isDnsName(value: string): boolean {
  return dnsNamePattern.test(value.toLowerCase()) && !/^[\d.]+$/.test(value);
}

function notAnAddress(value: string): string {
  if (value.includes(':')) return `"${value}" is not an IPv4 address; IPv6 is not supported here`;
  return `"${value}" is not an IPv4 address such as 10.0.0.11`;
}
