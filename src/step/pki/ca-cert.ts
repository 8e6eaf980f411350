import type { KeyObject, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import type { StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import { closeToOthers, modeFault, privateKeyPem, readPair, writeDigests, writePrivate, writePublic } from './files.js';
import { issueCa, newEcKey } from './issue.js';
import type { CertificateFiles, GenerateCaCert } from './params.js';
import { daysLeft, daysText } from './validity.js';

const kind = 'pki.ca';
const warnDays = 180;

/**
 * Makes a CA where there is none. One that is there, ours or the user's own, stays as it is for ever: everything in the
 * cluster hangs on it. Where only half of one is left, that is an error (PKI_BROKEN) and never a reason to make another.
 */
export const generateCACert = defineStep({
  kind,
  title: (p: GenerateCaCert) => `Make the CA ${p.subject.commonName}`,
  writes: ({ files }) => [files.cert, files.key].map((path) => fileDigest(path).$output),
  async precheck(ctx, { files }) {
    requireControlNode(ctx, kind);
    await refuseHalfRotated(files);
    const found = await readCa(files);
    if (found.state === 'absent') return needed('there is none yet');
    if (found.state === 'key-only') return needed('its key is there, its certificate is not');
    const fault = await modeFault(files.key);
    if (fault) return needed(fault);
    const left = daysLeft(found.certificate);
    warnOfEnd(ctx, files.cert, left);
    await writeDigests(ctx, [files.cert, files.key]);
    return satisfied(`it is there and ends in ${daysText(left)}`);
  },
  async run(ctx, { files, subject, validDays = 3650 }) {
    const found = await readCa(files);
    if (found.state !== 'complete') {
      // A key without its certificate is what a crash between the two writes leaves, or a lost certificate: with the
      // same key, what an earlier certificate signed stays good.
      const key = found.state === 'key-only' ? found.key : await newEcKey();
      // The key first: a certificate is never there without its key.
      if (found.state === 'absent') await writePrivate(files.key, privateKeyPem(key));
      await writePublic(files.cert, await issueCa({ key, subject, validDays }));
    }
    await closeToOthers(files.key);
    await writeDigests(ctx, [files.cert, files.key]);
  },
});

type FoundCa =
  | { readonly state: 'absent' }
  | { readonly state: 'key-only'; readonly key: KeyObject }
  | { readonly state: 'complete'; readonly certificate: X509Certificate; readonly key: KeyObject };

/** The CA at these paths. Throws PKI_BROKEN where it cannot sign: no key, another's key, no CA at all, or over. */
export async function readCa(files: CertificateFiles): Promise<FoundCa> {
  const { certificate, key } = await readPair(files);
  if (!certificate) return key ? { state: 'key-only', key } : { state: 'absent' };
  if (!key) {
    throw broken(`the CA ${files.cert} is there but its key ${files.key} is not`, {
      hint: `put ${files.key} back from a backup; kubexm never replaces a CA that a cluster may hang on`,
    });
  }
  if (!certificate.checkPrivateKey(key)) {
    throw broken(`${files.key} is not the key of the CA ${files.cert}`, {
      hint: 'put the two files that belong together back from a backup',
    });
  }
  if (!certificate.ca) {
    throw broken(`${files.cert} is the certificate of no CA (basicConstraints CA:FALSE)`, {
      hint: 'put a CA certificate and its key there, or remove both files to have kubexm make them',
    });
  }
  if (daysLeft(certificate) <= 0) {
    throw broken(`the CA ${files.cert} ended on ${certificate.validTo}`, {
      hint: 'replace it: kubexm certs rotate-ca',
    });
  }
  return { state: 'complete', certificate, key };
}

/** While hosts change from one CA to another, nothing else may bring them one of the two. */
export async function refuseHalfRotated({ cert }: CertificateFiles): Promise<void> {
  const next = cert.replace(/(\.\w+)$/, '-next$1');
  if ((await unlessMissing(stat(next))) === undefined) return;
  throw new KubexmError('GUARD_REFUSED', `the rotation of ${cert} is half done`, {
    details: [`${next} is there`],
    hint: 'go on with it: kubexm certs rotate-ca',
    retryable: false,
  });
}

function broken(message: string, { hint }: { readonly hint: string }): KubexmError {
  return new KubexmError('PKI_BROKEN', message, { hint, retryable: false });
}

function warnOfEnd(ctx: StepContext, path: string, left: number): void {
  if (left > warnDays) return;
  ctx.log('warn', `the CA ${path} ends in ${daysText(left)}; replace it in time: kubexm certs rotate-ca`);
}
