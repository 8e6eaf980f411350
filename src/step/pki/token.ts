import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { unlessMissing } from '../../util/system-error.js';
import { requireControlNode } from '../control-node.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';
import { closeToOthers, modeFault, writeDigests, writePrivate } from './files.js';
import type { GenerateToken } from './params.js';

const kind = 'pki.token';
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Makes a kubeadm bootstrap token (`[a-z0-9]{6}.[a-z0-9]{16}`) where there is none. It is in that file and nowhere else. */
export const generateToken = defineStep({
  kind,
  title: (p: GenerateToken) => `Make the bootstrap token ${p.path}`,
  writes: (p) => [fileDigest(p.path).$output],
  async precheck(ctx, { path }) {
    requireControlNode(ctx, kind);
    const fault = (await tokenFault(path)) ?? (await modeFault(path));
    if (fault) return needed(fault);
    await writeDigests(ctx, [path]);
    return satisfied('it is there');
  },
  async run(ctx, { path }) {
    if (await tokenFault(path)) await writePrivate(path, `${characters(6)}.${characters(16)}\n`);
    await closeToOthers(path);
    await writeDigests(ctx, [path]);
  },
});

async function tokenFault(path: string): Promise<string | undefined> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  if (text === undefined) return 'there is none yet';
  return /^[a-z0-9]{6}\.[a-z0-9]{16}\n?$/.test(text) ? undefined : 'the file holds no bootstrap token';
}

function characters(count: number): string {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
}
