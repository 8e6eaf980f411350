import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { asError, KubexmError } from '../../errors/index.js';
import type { FirstUse, KnownHosts, SshTarget } from './options.js';

/** A line of a known_hosts file that speaks of the host. */
export interface KnownKey {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly revoked: boolean;
  readonly keyType: string;
  /** Base64 of the key in SSH's wire format. */
  readonly key: string;
}

/** Every line about `address`, `port`, of the user's file and the cluster's. Certificate authorities are passed over. */
export async function knownKeys(
  knownHosts: KnownHosts,
  { address, port }: Pick<SshTarget, 'address' | 'port'>,
): Promise<KnownKey[]> {
  const files = [knownHosts.userFile ?? join(homedir(), '.ssh/known_hosts'), knownHosts.clusterFile];
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await textOf(file) })));
  return texts.flatMap(({ file, text }) => parseKnownHosts(text, file, lookupName(address, port)));
}

/** The lines of a known_hosts file that name the host: plain, wildcard, negated and hashed names, `@revoked`. */
export function parseKnownHosts(text: string, file: string, host: string): KnownKey[] {
  return text.split('\n').flatMap((content, index) => {
    const words = content.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') === true ? words.shift() : undefined;
    const [names, keyType, key] = words;
    if (names === undefined || names.startsWith('#') || keyType === undefined || key === undefined) return [];
    if (marker === '@cert-authority' || !namesMatch(names, host)) return [];
    return [{ file, line: index + 1, revoked: marker === '@revoked', keyType, key }];
  });
}

/** What the host's key is checked against. Throws SSH_HOST_KEY, with the fix, unless it is pinned, known, or now recorded as new. */
export async function checkHostKey(
  key: Buffer,
  target: SshTarget,
  knownHosts: KnownHosts,
  known: readonly KnownKey[],
  onFirstUse: ((use: FirstUse) => void) | undefined,
): Promise<void> {
  const keyType = key.subarray(4, 4 + key.readUInt32BE(0)).toString();
  const encoded = key.toString('base64');
  const shown = `${keyType} ${fingerprint(key)}`;
  const sameKey = known.filter((line) => line.key === encoded);
  const revoked = sameKey.find((line) => line.revoked);
  if (revoked) {
    throw refused(
      target,
      `uses a revoked key (${shown}), see ${place(revoked)}`,
      'give the host a new key: ssh-keygen -A',
    );
  }
  if (target.hostKey !== undefined) {
    if (isPinned(target.hostKey, encoded, fingerprint(key))) return;
    throw refused(
      target,
      `shows the key ${shown}, but hostKey in the config is ${target.hostKey}`,
      'if the host was reinstalled, put its new key into the config; otherwise someone may be in between',
    );
  }
  if (sameKey.length > 0) return;
  const others = known.filter((line) => !line.revoked);
  const changed = others.find((line) => line.keyType === keyType) ?? others[0];
  if (changed)
    throw refused(
      target,
      `shows the key ${shown}, but ${place(changed)} knows another one`,
      removal(changed, target, knownHosts),
    );
  await record(`${lookupName(target.address, target.port)} ${keyType} ${encoded}\n`, knownHosts.clusterFile);
  const { name, address, port } = target;
  onFirstUse?.({ name, address, port, keyType, fingerprint: fingerprint(key), recordedIn: knownHosts.clusterFile });
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `10.0.0.1`, or `[10.0.0.1]:2222` on another port than 22. */
function lookupName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`;
}

function namesMatch(names: string, host: string): boolean {
  if (names.startsWith('|1|')) return hashedNameMatches(names, host);
  const patterns = names.toLowerCase().split(',');
  if (patterns.some((pattern) => pattern.startsWith('!') && wildcardMatches(pattern.slice(1), host))) return false;
  return patterns.some((pattern) => wildcardMatches(pattern, host));
}

function hashedNameMatches(hashed: string, host: string): boolean {
  const [, , salt = '', digest = ''] = hashed.split('|');
  const expected = Buffer.from(digest, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(host).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function wildcardMatches(pattern: string, host: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === host;
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`).test(host);
}

function isPinned(pinned: string, encoded: string, print: string): boolean {
  if (pinned.startsWith('SHA256:')) return pinned.replace(/=+$/, '') === print;
  return pinned.trim().split(/\s+/).includes(encoded);
}

function removal(line: KnownKey, target: SshTarget, knownHosts: KnownHosts): string {
  const command =
    line.file === knownHosts.clusterFile
      ? `sed -i ${line.line}d ${line.file}`
      : `ssh-keygen -f ${line.file} -R '${lookupName(target.address, target.port)}'`;
  return `only if the host was reinstalled, forget its old key: ${command}`;
}

function refused(target: SshTarget, what: string, hint: string): KubexmError {
  return new KubexmError('SSH_HOST_KEY', `${target.name} (${target.address}:${target.port}) ${what}`, {
    hint,
    retryable: false,
  });
}

function place({ file, line }: KnownKey): string {
  return `line ${line} of ${file}`;
}

async function record(line: string, file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await appendFile(file, line, { mode: 0o600 });
  } catch (error) {
    throw new KubexmError('SSH_HOST_KEY', `cannot record a new host key in ${file}: ${asError(error).message}`, {
      cause: error,
    });
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new KubexmError('SSH_HOST_KEY', `cannot read ${file}: ${asError(error).message}`, {
      cause: error,
      retryable: false,
    });
  }
}
