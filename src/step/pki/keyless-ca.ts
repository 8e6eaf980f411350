import type { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { refuseHalfRotated } from './ca-cert.js';
import { fileDigest } from './digest.js';
import { certificatesIn, readCertificate, writeDigests, writePublic } from './files.js';
import type { CertificateFiles } from './params.js';
import { daysLeft } from './validity.js';

/** `source`: the user's certificate of the CA; `files`: where the cluster's CA lies. Its key is nowhere here. */
export interface KeylessCa {
  readonly source: string;
  readonly files: CertificateFiles;
}

const kind = 'pki.keyless-ca';

/** Takes the certificate of a CA that signs elsewhere, once. Where there is another one already, it stays. */
export const keylessCa = defineStep<KeylessCa>({
  kind,
  title: (p) => `Take the CA ${p.source}, without its key`,
  writes: ({ files }) => [fileDigest(files.cert).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    const own = await certificateOf(p);
    const found = await readCertificate(p.files.cert);
    if (found === undefined) return needed('it is not in the work directory');
    if (found.fingerprint256 !== own.fingerprint256)
      ctx.log('warn', `the cluster's CA is another one than ${p.source}, and stays`);
    await writeDigests(ctx, [p.files.cert]);
    return satisfied('there is one');
  },
  async run(ctx, p) {
    await takeKeylessCa(p);
    await writeDigests(ctx, [p.files.cert]);
  },
});

/** Fails where the cluster's CA in the work directory is another one than the user's. */
export const requireKeylessCa = defineStep<KeylessCa>({
  kind: 'pki.require-keyless-ca',
  title: (p) => `Compare the CA ${p.source} with the cluster's`,
  recheck: false,
  async precheck(ctx, p) {
    requireControlNode(ctx, 'pki.require-keyless-ca');
    const own = await certificateOf(p);
    const found = await readCertificate(p.files.cert);
    if (found?.fingerprint256 === own.fingerprint256) return satisfied('it is the same');
    throw new KubexmError('GUARD_REFUSED', `${p.source} is not the CA of the cluster`, {
      details: [`that one is in ${p.files.cert}, as hosts have it`],
      hint: 'name it in spec.certs (certFile), then run the same command again',
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});

/** Puts the certificate into its place, where there is none yet. */
export async function takeKeylessCa(p: KeylessCa): Promise<void> {
  const own = await certificateOf(p);
  if ((await readCertificate(p.files.cert)) === undefined) await writePublic(p.files.cert, own.toString());
}

/** Throws where it is no CA's, is over, or where the cluster's CA came with its key: hosts have that, and would sign with it. */
async function certificateOf({ source, files }: KeylessCa): Promise<X509Certificate> {
  await refuseHalfRotated(files);
  if ((await unlessMissing(stat(files.key))) !== undefined) {
    throw new KubexmError(
      'GUARD_REFUSED',
      `the cluster's CA has its key here, and the config names none (no keyFile)`,
      {
        details: [`${files.key} is there; a cluster that was made with the key of its CA keeps it`],
        hint: 'write keyFile into spec.certs again',
        retryable: false,
      },
    );
  }
  const own = await readCertificate(source);
  if (own === undefined) {
    throw new KubexmError('FILE_MISSING', `the CA ${source} is not there`, {
      hint: 'correct the path; where you name none, kubexm makes a CA of its own',
      retryable: false,
    });
  }
  const several = certificatesIn(await readFile(source, 'latin1')).length;
  if (several > 1) {
    throw new KubexmError('PKI_BROKEN', `${source} holds ${several} certificates`, {
      hint: 'write a file with that of the CA alone that signs for this cluster, and name it',
      retryable: false,
    });
  }
  if (own.ca && daysLeft(own) > 0) return own;
  const why = own.ca ? `ended on ${own.validTo}` : 'is the certificate of no CA (basicConstraints CA:FALSE)';
  throw new KubexmError('PKI_BROKEN', `${source} ${why}`, { hint: 'name another one', retryable: false });
}
