import { KubexmError } from '../../../errors/index.js';
import type { HttpAnswer } from './http.js';

/** What a file must begin with. */
export type Content = 'gzip' | 'elf' | 'any';

/** How many bytes `checkBeginning` wants to see, where there are that many. */
export const beginningLength = 1024;

const magic = {
  gzip: { bytes: Buffer.from([0x1f, 0x8b]), name: 'a gzip archive' },
  elf: { bytes: Buffer.from([0x7f, 0x45, 0x4c, 0x46]), name: 'a program (ELF)' },
} as const;

/** Throws ARTIFACT_DOWNLOAD where an answer is not what was asked for: an error page, a sign-in page, another format. */
export function checkBeginning(answer: Pick<HttpAnswer, 'url' | 'headers'>, beginning: Buffer, expect: Content): void {
  const wanted = expect === 'any' ? undefined : magic[expect];
  if (wanted ? beginning.subarray(0, wanted.bytes.length).equals(wanted.bytes) : !isHtml(answer, beginning)) return;
  throw new KubexmError(
    'ARTIFACT_DOWNLOAD',
    `${answer.url} sent ${description(answer, beginning)}${wanted ? `, not ${wanted.name}` : ''}`,
    { hint: 'open the address in a browser; a proxy or a mirror may answer in its place', retryable: false },
  );
}

/** Throws ARTIFACT_DOWNLOAD for an answer that is no success, naming its status and what came with it. */
export async function checkStatus(answer: HttpAnswer, accepted: readonly number[]): Promise<void> {
  const { url, status } = answer;
  if (accepted.includes(status)) return;
  const beginning = await readAtMost(answer.body, beginningLength).catch(() => Buffer.alloc(0));
  const what = beginning.length === 0 ? '' : ` with ${description(answer, beginning)}`;
  throw new KubexmError('ARTIFACT_DOWNLOAD', `${url} answered ${status}${what}`, {
    hint: statusHint(status),
    retryable: status >= 500 || status === 408 || status === 429,
  });
}

/** The first bytes of a body; the rest is not read. */
export async function readAtMost(
  body: AsyncIterable<unknown> & { destroy(): unknown },
  limit: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

function statusHint(status: number): string {
  if (status === 404) return 'check that this version exists for this architecture, and spec.download.mirrors';
  if (status === 401 || status === 403 || status === 407)
    return 'the server or a proxy refuses; check HTTPS_PROXY and NO_PROXY';
  return 'try again later, or name a mirror in spec.download.mirrors';
}

function isHtml({ headers }: Pick<HttpAnswer, 'headers'>, beginning: Buffer): boolean {
  const text = beginning.toString('latin1').trimStart().toLowerCase();
  return String(headers['content-type'] ?? '').startsWith('text/html') || /^<(!doctype html|html|head)/.test(text);
}

function description(answer: Pick<HttpAnswer, 'headers'>, beginning: Buffer): string {
  const text = beginning.toString('utf8');
  if (isHtml(answer, beginning)) {
    const title = /<(?:title|h1)[^>]*>\s*([^<]{1,80}?)\s*</i.exec(text)?.[1];
    return title ? `an HTML page (“${title}”)` : 'an HTML page';
  }
  if (beginning.length === 0) return 'nothing';
  if (/^[\t\n\r -~]*$/.test(text)) return `text (“${text.trim().split(/\r?\n/)[0]?.slice(0, 80)}”)`;
  return `something that begins with ${beginning.subarray(0, 4).toString('hex')}`;
}
