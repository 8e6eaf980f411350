import { createPublicKey, generateKeyPair as generate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { refuseHalfRotated } from './ca-cert.js';
import { fileDigest } from './digest.js';
import { closeToOthers, modeFault, readKey, writeDigests, writePrivate, writePublic } from './files.js';
import type { GenerateKeyPair } from './params.js';

const kind = 'pki.key-pair';

/**
 * Makes the key pair that signs service-account tokens, in the forms that kubeadm writes (PKCS#1 and SPKI). One that is
 * there stays: with another key every token in the cluster is worth nothing.
 */
export const generateKeyPair = defineStep({
  kind,
  title: (p: GenerateKeyPair) => `Make the key pair ${p.privateKey}`,
  writes: (p) => [p.privateKey, p.publicKey].map((path) => fileDigest(path).$output),
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    if (p.rotating !== true) await refuseHalfRotated({ cert: p.privateKey, key: p.privateKey });
    const { key, publicPem } = await readKeyPair(p);
    if (!key) return needed('there is none yet');
    if (publicPem === undefined) return needed('its public half is missing');
    const fault = await modeFault(p.privateKey);
    if (fault) return needed(fault);
    await writeDigests(ctx, [p.privateKey, p.publicKey]);
    return satisfied('it is there');
  },
  async run(ctx, p) {
    const found = await readKeyPair(p);
    const key = found.key ?? (await promisify(generate)('rsa', { modulusLength: 2048 })).privateKey;
    if (!found.key) await writePrivate(p.privateKey, key.export({ type: 'pkcs1', format: 'pem' }).toString());
    if (found.publicPem === undefined) await writePublic(p.publicKey, publicPemOf(key));
    await closeToOthers(p.privateKey);
    await writeDigests(ctx, [p.privateKey, p.publicKey]);
  },
});

/** The first of the public keys is the pair's own; tokens of the others behind it are still good. */
async function readKeyPair({ privateKey, publicKey }: GenerateKeyPair) {
  const key = await readKey(privateKey);
  const publicPem = await unlessMissing(readFile(publicKey, 'utf8'));
  if (publicPem !== undefined && (!key || !publicPem.startsWith(publicPemOf(key).trim()))) {
    const fault = key
      ? `${privateKey} is not the key of ${publicKey}`
      : `${publicKey} is there but ${privateKey} is not`;
    throw new KubexmError('PKI_BROKEN', fault, {
      hint: `put ${privateKey} back from a backup or from /etc/kubernetes/pki/sa.key of a control plane`,
      retryable: false,
    });
  }
  return { key, publicPem };
}

/** Forgets the public keys of earlier pairs: their tokens are good no more. */
export const dropOldKeys = defineStep<GenerateKeyPair>({
  kind: 'pki.drop-old-keys',
  title: (p) => `Forget earlier keys in ${p.publicKey}`,
  writes: (p) => [fileDigest(p.publicKey).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    await refuseHalfRotated({ cert: p.privateKey, key: p.privateKey });
    const { key, publicPem } = await readKeyPair(p);
    if (!key) throw new KubexmError('PKI_BROKEN', `${p.privateKey} is not on this machine`, { retryable: false });
    if (publicPem?.trim() !== publicPemOf(key).trim()) return needed('earlier ones are in it');
    await writeDigests(ctx, [p.publicKey]);
    return satisfied('there is one only');
  },
  async run(ctx, p) {
    const { key } = await readKeyPair(p);
    if (key) await writePublic(p.publicKey, publicPemOf(key));
    await writeDigests(ctx, [p.publicKey]);
  },
});

function publicPemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}
