import { X509Certificate } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import type { StepContext } from '../context.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import {
  closeToOthers,
  modeFault,
  privateKeyPem,
  readCertificate,
  readPair,
  writeDigests,
  writePrivate,
  writePublic,
} from './files.js';
import { issueCa, issueCross, newEcKey } from './issue.js';
import { ownFiles } from './own-ca.js';
import type { CertificateFiles } from './params.js';
import { daysLeft, daysText } from './validity.js';

/**
 * `current`: the CA that is to go; `next`: where the one that is to come lies until the rotation is through. `cross`: the
 * next CA's key under the current CA's name: with it, those who trust only the current one find the way to what the next
 * one has signed.
 */
export interface NextCa {
  readonly current: CertificateFiles;
  readonly next: CertificateFiles;
  readonly cross?: string;
  /** The user's own files for the next CA. Absent: one is made. */
  readonly source?: CertificateFiles;
  /** Of one that is made. Default 3650 (10 years). */
  readonly validDays?: number;
}

const kind = 'pki.next-ca';

/** Makes the CA that is to follow, once: that it is there says that a rotation is under way. */
export const nextCa = defineStep<NextCa>({
  kind,
  title: ({ next }) => `Make the CA ${next.cert}`,
  writes: ({ next }) => [fileDigest(next.cert).$output, fileDigest(next.key).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    const current = await currentCa(p);
    const { certificate, key } = await readPair(p.next);
    const own = p.source === undefined ? undefined : await ownFiles(p.source);
    if (own !== undefined) refuseSource(p, { own: own.certificate, current: current.certificate, next: certificate });
    if (own !== undefined && certificate === undefined) warnOfSource(ctx, p, own.certificate);
    if (!certificate || !key) return needed('there is none yet');
    if (!certificate.checkPrivateKey(key)) return needed('it was not finished: the key is not its own');
    const fault = await modeFault(p.next.key);
    if (fault) return needed(fault);
    if (p.cross !== undefined && (await crossNeeded(p, certificate))) return needed('its cross certificate is missing');
    await writeDigests(ctx, [p.next.cert, p.next.key]);
    return satisfied(`it is there and ends in ${daysText(daysLeft(certificate))}`);
  },
  async run(ctx, p) {
    const current = await currentCa(p);
    const found = await readPair(p.next);
    let { certificate, key } = found;
    if (!certificate || !key || !certificate.checkPrivateKey(key)) {
      const made = p.source === undefined ? await madeCa(p, current.certificate) : await takenCa(p.source);
      await writePrivate(p.next.key, privateKeyPem(made.key));
      await writePublic(p.next.cert, made.pem);
      key = made.key;
      certificate = new X509Certificate(await readFile(p.next.cert));
    }
    await closeToOthers(p.next.key);
    if (p.cross !== undefined && current.key !== undefined)
      await writePublic(
        p.cross,
        await issueCross({ certificate, ca: { certificate: current.certificate, key: current.key } }),
      );
    else if (p.cross !== undefined)
      ctx.log('warn', `${p.current.key} is not here: clients that trust only the old CA fail until they are restarted`);
    await writeDigests(ctx, [p.next.cert, p.next.key]);
  },
});

async function madeCa({ validDays = 3650 }: NextCa, current: X509Certificate) {
  const key = await newEcKey();
  return { key, pem: await issueCa({ key, subject: { commonName: nextName(current) }, validDays }) };
}

async function takenCa(source: CertificateFiles) {
  const { certificate, key } = await ownFiles(source);
  return { key, pem: certificate.toString() };
}

/** What hangs on a rotation that has begun cannot be changed to yet another CA, and a leaked key stays leaked. */
function refuseSource(
  { source, next: files }: NextCa,
  {
    own,
    current,
    next,
  }: { readonly own: X509Certificate; readonly current: X509Certificate; readonly next: X509Certificate | undefined },
): void {
  const named = source?.cert ?? '';
  const refused = (message: string, hint: string) =>
    new KubexmError('GUARD_REFUSED', message, { hint, retryable: false });
  if (next !== undefined && next.fingerprint256 !== own.fingerprint256)
    throw refused(
      `a rotation to another CA than ${named} is under way (${files.cert})`,
      'go on with that one first: the same command without --cert and --key',
    );
  if (next !== undefined) return;
  if (own.fingerprint256 === current.fingerprint256)
    throw refused(`${named} is the CA of the cluster already`, 'kubexm certs list');
  if (own.publicKey.equals(current.publicKey))
    throw refused(`${named} has the key of the CA that is to go`, 'make a CA with a key of its own');
}

function warnOfSource(ctx: StepContext, { source }: NextCa, own: X509Certificate): void {
  const left = daysLeft(own);
  const named = source?.cert ?? '';
  if (left < 365) ctx.log('warn', `${named} ends in ${daysText(left)}: what it signs ends with it`);
  if (!own.checkIssued(own))
    ctx.log(
      'warn',
      `${named} is signed by another CA: clients that want the whole way to a root do not trust it alone`,
    );
}

/** Its key may be lost: then it cannot sign the cross certificate, and a rotation is the way out. */
async function currentCa({ current }: NextCa) {
  const { certificate, key } = await readPair(current);
  if (certificate) return { certificate, key };
  throw new KubexmError('PKI_BROKEN', `the CA ${current.cert} is not on this machine`, {
    hint: 'kubexm certs import FILE, or kubexm cluster adopt',
    retryable: false,
  });
}

async function crossNeeded({ current, cross }: NextCa, next: X509Certificate): Promise<boolean> {
  const { certificate, key } = await readPair(current);
  if (!key || cross === undefined || certificate?.fingerprint256 === next.fingerprint256) return false;
  const there = await readCertificate(cross);
  return there === undefined || !there.publicKey.equals(next.publicKey);
}

/** Clients that look for a CA by its name alone must not find the other one: `kubernetes`, `kubernetes-2`, `kubernetes-3`. */
function nextName(certificate: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? 'ca';
  const [, base = name, count = '1'] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  return `${base}-${Number(count) + 1}`;
}

/** `parts`: certificate files in their order; the `optional` one is left out where it is not there, or over. */
export interface ChainFile {
  readonly path: string;
  readonly parts: readonly string[];
  readonly optional?: string;
}

/** Several certificates in one file: a leaf and the way to its CA, or the CAs that are trusted. */
export const chainFile = defineStep<ChainFile>({
  kind: 'pki.chain',
  title: (p) => `Put ${p.path} together`,
  writes: (p) => [fileDigest(p.path).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, 'pki.chain');
    if ((await unlessMissing(readFile(p.path, 'utf8'))) !== (await chainText(p))) return needed('its parts changed');
    await writeDigests(ctx, [p.path]);
    return satisfied('it has its parts');
  },
  async run(ctx, p) {
    await writePublic(p.path, await chainText(p));
    await writeDigests(ctx, [p.path]);
  },
});

async function chainText({ parts, optional }: ChainFile): Promise<string> {
  const texts = await Promise.all(parts.map((path) => readFile(path, 'utf8')));
  const more = optional === undefined ? undefined : await unlessMissing(readFile(optional, 'utf8'));
  if (more !== undefined && daysLeft(new X509Certificate(more)) > 0) texts.push(more);
  return texts.map((text) => `${text.trimEnd()}\n`).join('');
}

/** `current` is kept as `previous`, `next` takes its place; `also`: further files that end with the rotation. */
export interface PromoteCa {
  readonly current: CertificateFiles;
  readonly next: CertificateFiles;
  readonly previous: CertificateFiles;
  readonly also?: readonly string[];
}

/** Ends a rotation on this machine. Interrupted, it is gone on with: what `next` was is not lost before it is in place. */
export const promoteCa = defineStep<PromoteCa>({
  kind: 'pki.promote-ca',
  title: (p) => `Make ${p.next.cert} the CA of the cluster`,
  async precheck(ctx, { next }) {
    requireControlNode(ctx, 'pki.promote-ca');
    return (await isThere(next.key)) || (await isThere(next.cert))
      ? needed('every host has changed to it')
      : satisfied('it is');
  },
  async run(_ctx, { current, next, previous, also = [] }) {
    const text = async (path: string) => await unlessMissing(readFile(path, 'utf8'));
    const [cert, key, oldCert, oldKey] = await Promise.all([next.cert, next.key, current.cert, current.key].map(text));
    // Where one of the two is gone, both were in their places already.
    if (cert !== undefined && key !== undefined) {
      if (oldCert !== undefined && oldCert !== cert) {
        await writePublic(previous.cert, oldCert);
        if (oldKey !== undefined && oldKey !== key) await writePrivate(previous.key, oldKey);
      }
      await writePrivate(current.key, key);
      await writePublic(current.cert, cert);
    }
    for (const path of [next.cert, next.key, ...also]) await rm(path, { force: true });
  },
});

async function isThere(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path))) !== undefined;
}
