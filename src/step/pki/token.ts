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

const forms = {
  'bootstrap-token': {
    what: 'bootstrap token',
    pattern: /^[a-z0-9]{6}\.[a-z0-9]{16}\n?$/,
    make: () => `${characters(6)}.${characters(16)}\n`,
  },
  password: { what: 'password', pattern: /^[a-z0-9]{8}\n?$/, make: () => `${characters(8)}\n` },
};

/** Makes a token or password where there is none. It is in that file, where it is used, and nowhere else. */
export const generateToken = defineStep({
  kind,
  title: (p: GenerateToken) => `Make the ${formOf(p).what} ${p.path}`,
  writes: (p) => [fileDigest(p.path).$output],
  async precheck(ctx, p) {
    requireControlNode(ctx, kind);
    const { path } = p;
    const fault = (await tokenFault(p)) ?? (await modeFault(path));
    if (fault) return needed(fault);
    await writeDigests(ctx, [path]);
    return satisfied('it is there');
  },
  async run(ctx, p) {
    const { path } = p;
    if (await tokenFault(p)) await writePrivate(path, formOf(p).make());
    await closeToOthers(path);
    await writeDigests(ctx, [path]);
  },
});

async function tokenFault(p: GenerateToken): Promise<string | undefined> {
  const text = await unlessMissing(readFile(p.path, 'utf8'));
  if (text === undefined) return 'there is none yet';
  const { pattern, what } = formOf(p);
  return pattern.test(text) ? undefined : `the file holds no ${what}`;
}

function formOf({ form = 'bootstrap-token' }: GenerateToken) {
  return forms[form];
}

function characters(count: number): string {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
}
