import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import { writeDigests } from './files.js';
import type { SignedElsewhere } from './params.js';
import { certificateFault } from './signed-cert.js';

/** `minDays`: with no more days left a certificate does not do. Default 0: only one that is over. */
export interface RequireSigned {
  readonly certificates: readonly (SignedElsewhere & { readonly minDays?: number })[];
}

/**
 * Fails where certificates that are signed elsewhere are not in the work directory as they should be, and names all of them.
 * Names that are not wanted any more do no harm.
 */
export const requireSigned = defineStep<RequireSigned>({
  kind: 'pki.require-signed',
  title: ({ certificates }) => `Look for ${certificates.length} certificates that are signed elsewhere`,
  recheck: false,
  async precheck(ctx, p) {
    await check(ctx, 'pki.require-signed', p);
    return satisfied('they are there');
  },
  run: () => Promise.resolve(),
});

/** The same of one, for whoever brings it to its place. */
export const signedElsewhere = defineStep<SignedElsewhere & { readonly minDays?: number }>({
  kind: 'pki.signed-elsewhere',
  title: ({ host, name }) => `Look for the certificate ${name} of ${host}, which is signed elsewhere`,
  writes: ({ files }) => [files.cert, files.key].map((path) => fileDigest(path).$output),
  recheck: false,
  async precheck(ctx, p) {
    await check(ctx, 'pki.signed-elsewhere', { certificates: [p] });
    await writeDigests(ctx, [p.files.cert, p.files.key]);
    return satisfied('it is there');
  },
  run: () => Promise.resolve(),
});

async function check(ctx: StepContext, kind: string, { certificates }: RequireSigned): Promise<void> {
  requireControlNode(ctx, kind);
  const faults: string[] = [];
  for (const { minDays = 0, ca, ...certificate } of certificates) {
    const wanted = { ...certificate, ca: { cert: ca }, renewBeforeDays: minDays };
    const fault = await certificateFault(wanted, { mayHaveMoreNames: true });
    if (fault !== undefined) faults.push(`${certificate.name} of ${certificate.host}: ${fault}`);
  }
  if (faults.length === 0) return;
  const [what, them] = faults.length === 1 ? ['1 certificate is', 'it'] : [`${faults.length} certificates are`, 'them'];
  throw new KubexmError('GUARD_REFUSED', `${what} missing or due, and the key of the CA is not here to sign ${them}`, {
    details: faults,
    hint: 'kubexm certs csr DIR; have the requests signed; kubexm certs import-signed DIR; then run the same command again',
    retryable: false,
  });
}
