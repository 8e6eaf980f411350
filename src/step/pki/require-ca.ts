import { KubexmError } from '../../errors/index.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, satisfied } from '../define.js';
import { readCa, refuseHalfRotated } from './ca-cert.js';
import type { CertificateFiles } from './params.js';

const kind = 'pki.require-ca';

/** `rotating`: it is the rotation of this CA that asks. Default false: then one that is half done is an error. */
export interface RequireCa {
  readonly files: CertificateFiles;
  readonly rotating?: boolean;
}

/** Fails where this machine does not have a CA that can sign; it never makes one. */
export const requireCa = defineStep<RequireCa>({
  kind,
  title: ({ files }) => `Look for the CA ${files.cert} and its key`,
  recheck: false,
  async precheck(ctx, { files, rotating = false }) {
    requireControlNode(ctx, kind);
    if (!rotating) await refuseHalfRotated(files);
    const { state } = await readCa(files);
    if (state === 'complete') return satisfied('it is there, with its key');
    throw new KubexmError('PKI_BROKEN', `${state === 'absent' ? files.key : files.cert} is not on this machine`, {
      details: ['only the CA that the cluster trusts can sign certificates for it; a new one would be refused by all'],
      hint: `bring ${files.cert} and ${files.key} here from the machine that made the cluster, or from a backup of its work directory; or, from the hosts: kubexm cluster adopt`,
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});
