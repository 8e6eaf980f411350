import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/**
 * How upstream writes a checksum file. `bare`: dl.k8s.io, the digest without a newline; `bare-line`: crictl, with one;
 * `named`: everybody else, as sha256sum prints it.
 */
export type ChecksumStyle = 'bare' | 'bare-line' | 'named';

export function checksumText(style: ChecksumStyle, sha256: string, fileName: string): string {
  if (style === 'bare') return sha256;
  return style === 'bare-line' ? `${sha256}\n` : `${sha256}  ${fileName}\n`;
}

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
