import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { readCa, refuseHalfRotated } from './ca-cert.js';
import { fileDigest } from './digest.js';
import { closeToOthers, modeFault, writeDigests, writePrivate, writePublic } from './files.js';
import { requireSigningKey } from './issue.js';
import type { CertificateFiles } from './params.js';

/** `source`: the user's own files; `files`: where the cluster's CA lies. */
export interface OwnCa {
  readonly source: CertificateFiles;
  readonly files: CertificateFiles;
}

const kind = 'pki.own-ca';

/** Takes the user's own CA for the cluster, once. Where there is another one already, it stays: everything hangs on it. */
export const ownCa = defineStep<OwnCa>({
  kind,
  title: (p) => `Take the CA ${p.source.cert}`,
  writes: ({ files }) => [files.cert, files.key].map((path) => fileDigest(path).$output),
  async precheck(ctx, { source, files }) {
    requireControlNode(ctx, kind);
    await refuseHalfRotated(files);
    const own = await ownFiles(source);
    const found = await readCa(files);
    if (found.state !== 'complete') return needed('it is not in the work directory');
    if (found.certificate.fingerprint256 !== own.certificate.fingerprint256) {
      // A rotation has replaced it since, or the cluster was made before the config said so.
      ctx.log('warn', `the cluster's CA is another one than ${source.cert}, and stays`);
    }
    const fault = await modeFault(files.key);
    if (fault) return needed(fault);
    await writeDigests(ctx, [files.cert, files.key]);
    return satisfied('there is one');
  },
  async run(ctx, { source, files }) {
    const own = await ownFiles(source);
    const found = await readCa(files);
    if (found.state !== 'complete') {
      await writePrivate(files.key, await readFile(source.key, 'utf8'));
      await writePublic(files.cert, own.certificate.toString());
    }
    await closeToOthers(files.key);
    await writeDigests(ctx, [files.cert, files.key]);
  },
});

/** The user's own CA at these paths. Throws where it is not there, or cannot sign. */
export async function ownFiles(
  source: CertificateFiles,
): Promise<{ readonly certificate: X509Certificate; readonly key: KeyObject }> {
  const own = await readCa(source);
  if (own.state === 'complete') {
    requireSigningKey(own.key);
    return own;
  }
  throw new KubexmError('FILE_MISSING', `the CA ${own.state === 'absent' ? source.key : source.cert} is not there`, {
    hint: 'correct the path; where you name none, kubexm makes a CA of its own',
    retryable: false,
  });
}
