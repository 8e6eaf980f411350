import { createPublicKey, generateKeyPair as generate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KubexmError } from '../../errors/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
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

async function readKeyPair({ privateKey, publicKey }: GenerateKeyPair) {
  const key = await readKey(privateKey);
  const publicPem = await unlessMissing(readFile(publicKey, 'utf8'));
  if (publicPem !== undefined && (!key || publicPemOf(key).trim() !== publicPem.trim())) {
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

function publicPemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}
