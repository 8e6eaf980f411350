import { KubexmError } from '../../errors/index.js';
import { certificatesSignedElsewhere, type PlanContext } from '../../pipeline/index.js';

/** Throws USAGE where kubexm signs everything itself. */
export function signedElsewhereIn(ctx: PlanContext): ReturnType<typeof certificatesSignedElsewhere> {
  const certificates = certificatesSignedElsewhere(ctx);
  if (certificates.length > 0) return certificates;
  throw new KubexmError('USAGE', 'kubexm signs all certificates of this cluster itself: there is nothing to request', {
    hint: 'for a CA whose key is kept elsewhere: spec.certs.ca with certFile and without keyFile',
  });
}
