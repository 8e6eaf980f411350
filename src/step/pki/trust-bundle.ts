import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { certificatesIn } from './files.js';

/** `path`: a file of the host with the CAs that it trusts; `authorities`: files of the control machine. */
export interface TrustBundle {
  readonly path: string;
  readonly authorities: readonly string[];
  /** No other is trusted (any more). Default false: others that are there stay. */
  readonly only?: boolean;
}

/** Makes a host trust CAs. The first stays first: it is the one that the key beside it belongs to. */
export const trustBundle = defineStep<TrustBundle>({
  kind: 'pki.trust',
  title: (p) => (p.only === true ? `Trust only the new CA in ${p.path}` : `Trust both CAs in ${p.path}`),
  async precheck(ctx, p) {
    const { wanted, found } = await bundles(ctx, p);
    const missing = wanted.filter((each) => !found.some((other) => same(each, other)));
    if (missing.length > 0) return needed(`${missing.length} of ${wanted.length} CAs are not trusted there`);
    if (p.only !== true || found.length === wanted.length) return satisfied('it is trusted');
    return needed(`${found.length - wanted.length} more are trusted there`);
  },
  async run(ctx, p) {
    const { wanted, found } = await bundles(ctx, p);
    const kept = p.only === true ? [] : found;
    const added = wanted.filter((each) => !kept.some((other) => same(each, other)));
    const text = [...kept, ...added].map((each) => each.toString()).join('');
    await ctx.host.writeFile(p.path, text, { mode: 0o644, signal: ctx.signal });
  },
});

async function bundles({ host, signal }: StepContext, { path, authorities }: TrustBundle) {
  const [there = '', ...texts] = await Promise.all([
    host.readFile(path, { signal }),
    ...authorities.map((file) => readFile(file, 'utf8')),
  ]);
  return { wanted: texts.flatMap((text) => certificatesIn(text ?? '')), found: certificatesIn(there) };
}

function same(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256;
}
