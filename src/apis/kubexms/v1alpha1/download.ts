import * as z from 'zod';
import { text, url } from './formats.js';
import type { Download } from './types.js';

const sha256 = text(/^[0-9a-fA-F]{64}$/, 'a sha256: 64 hexadecimal digits');

export const downloadSchema = z.strictObject({
  mirrors: z
    .record(url, url)
    .default({})
    .describe('Upstream prefix and what replaces it: `https://dl.k8s.io: https://files.example/dl.k8s.io`.'),
  checksums: z
    .record(z.string().min(1), sha256)
    .default({})
    .describe('File name or URL and its sha256; stronger than all other sources of checksums.'),
});

export type DownloadInput = z.output<typeof downloadSchema>;

/** Prefixes lose their last slash, so that both spellings mean the same; digests are lower case. */
export function resolveDownload({ mirrors, checksums }: DownloadInput): Download {
  const trimmed = Object.entries(mirrors).map(
    ([from, to]) => [from.replace(/\/+$/, ''), to.replace(/\/+$/, '')] as const,
  );
  const digests = Object.entries(checksums).map(([file, digest]) => [file, digest.toLowerCase()] as const);
  return { mirrors: Object.fromEntries(trimmed), checksums: Object.fromEntries(digests) };
}
