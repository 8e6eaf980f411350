import { script, sh } from '../../runner/index.js';
import { lateText } from '../common/late-text.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import type { CertificateFiles } from './params.js';
import { isRenewedOnHost } from './renewed-leaf.js';

/** `source`: files of the control machine whose digests an earlier step has told; `target`: paths on the host. */
export interface InstallKeyPair {
  readonly source: CertificateFiles;
  readonly target: CertificateFiles;
  /** Whether what was there stays beside them as `.previous`, until somebody removes it. Default true. */
  readonly keep?: boolean;
  /** A CA's file on the control machine: a certificate of it that ends later stays, with its key. For hosts that renew theirs. */
  readonly unlessRenewedBy?: string;
}

/**
 * Puts a certificate and its key into the place of those that a program reads while it runs: both at once, so that it never
 * reads the one with the other's key, wherever a run ends.
 */
export const installKeyPair = defineStep<InstallKeyPair, { readonly isNew: boolean }>({
  kind: 'pki.install-pair',
  title: (p) => `Install ${p.target.cert} and its key`,
  async precheck(ctx, p) {
    const found = await ctx.host.statMany(
      filesOf(ctx, p).map(({ target }) => target),
      { sha256: true, signal: ctx.signal },
    );
    const ca = p.unlessRenewedBy;
    const both = found.size === 2;
    if (ca !== undefined && both && (await isRenewedOnHost(ctx, { path: p.target.cert, source: p.source.cert, ca })))
      return satisfied('the host has a newer one');
    for (const { target, sha256, mode } of filesOf(ctx, p)) {
      const there = found.get(target);
      if (there === undefined) return needed(`${target} is missing`, { isNew: found.size === 0 });
      if (there.sha256 !== sha256) return needed(`${target} is another one`, { isNew: false });
      if (there.mode !== mode) return needed(`the mode of ${target} is ${there.mode.toString(8)}`, { isNew: false });
    }
    return satisfied('they are in place');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    const { key, cert } = p.target;
    for (const { source, target, sha256, mode } of filesOf(ctx, p))
      await host.upload(source, `${target}.new`, { sha256, mode, signal });
    // Kept from the first attempt: after one that was interrupted, the files in place may be half old and half new.
    const kept = sh`if [ -e ${cert} ] && [ -e ${key} ] && [ ! -e ${cert}.previous ]; then cp -p ${key} ${key}.previous && cp -p ${cert} ${cert}.previous || exit 1; fi
`;
    const moved = sh`mv -f ${key}.new ${key} && mv -f ${cert}.new ${cert}`;
    await host.run(p.keep === false ? moved : script(`${kept.text}${moved.text}`), { signal });
  },
  async rollback({ host }, { target: { cert, key }, keep }, { isNew }) {
    if (keep === false) {
      if (isNew) await host.run(sh`rm -f ${cert} ${key}`);
      return;
    }
    await host.run(
      sh`if [ -e ${cert}.previous ] && [ -e ${key}.previous ]; then mv -f ${key}.previous ${key} && mv -f ${cert}.previous ${cert}; fi`,
    );
  },
});

/** The key first: what is interrupted in between is found by the certificate. */
function filesOf(ctx: StepContext, { source, target }: InstallKeyPair) {
  return [
    { source: source.key, target: target.key, sha256: lateText(ctx, fileDigest(source.key)), mode: 0o600 },
    { source: source.cert, target: target.cert, sha256: lateText(ctx, fileDigest(source.cert)), mode: 0o644 },
  ];
}
