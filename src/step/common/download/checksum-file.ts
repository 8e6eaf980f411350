import { KubexmError } from '../../../errors/index.js';
import { checkStatus, readAtMost } from './content.js';
import { type HttpClient, networkError } from './http.js';

const limit = 1 << 20;

/** The digest that upstream's checksum file gives for a file, and the address it was found at. */
export async function fetchChecksum({
  client,
  url,
  fileName,
  signal,
}: {
  readonly client: HttpClient;
  readonly url: string;
  readonly fileName: string;
  readonly signal: AbortSignal;
}): Promise<{ readonly sha256: string; readonly source: string }> {
  const answer = await client.get(url, { signal });
  await checkStatus(answer, [200]);
  const text = await readAtMost(answer.body, limit).catch((error: unknown) => {
    throw networkError(url, error, signal);
  });
  const sha256 = checksumIn(text.toString('utf8'), fileName);
  if (sha256) return { sha256, source: url };
  throw new KubexmError('ARTIFACT_CHECKSUM', `${url} holds no sha256 of ${fileName}`, {
    hint: 'give it in the config: spec.download.checksums',
    retryable: false,
  });
}

/**
 * Reads all the forms in use: a bare digest, one line of `digest  name` (also `*name`, `./name`), or many of them. Among
 * named lines only the file's own counts; a bare digest counts where it is the only line.
 */
export function checksumIn(text: string, fileName: string): string | undefined {
  const lines = [...text.matchAll(/^\\?([0-9a-f]{64})(?:[ \t]+[ *]?(\S.*?))?[ \t]*\r?$/gim)];
  const named = lines.find(([, , name]) => name !== undefined && name.split('/').at(-1) === fileName);
  const bare = lines.length === 1 && lines[0]?.[2] === undefined ? lines[0] : undefined;
  return (named ?? bare)?.[1]?.toLowerCase();
}
