import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { WorkDirs } from '../common/work-dirs.js';
import { KubexmError } from '../errors/index.js';
import type { Secret } from '../secrets/index.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { unlessMissing } from '../util/system-error.js';

/**
 * Who can open an archive: whoever knows the passphrase, or has the identity of one of the recipients (`age1…`). `workFactor`:
 * of scrypt, as the power of two; default 18, which takes seconds for each guess.
 */
export type ArchiveLock =
  | { readonly passphrase: Secret; readonly workFactor?: number }
  | { readonly recipients: readonly string[] };

/** What opens one: the passphrase, or the text of an age identity file (`AGE-SECRET-KEY-1…` lines). */
export type ArchiveKey = { readonly passphrase: Secret } | { readonly identities: Secret };

/** The content of an archive, as JSON; encrypted with age (https://age-encryption.org/v1). */
interface PkiArchive {
  readonly kind: 'kubexm-pki';
  readonly version: 1;
  /** `metadata.name` of the config. */
  readonly cluster: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** By their paths below the cluster's work directory, base64. */
  readonly files: Readonly<Record<string, string>>;
}

/** What of the work directory cannot be made again: CAs, keys, the administrator's kubeconfig, known host keys. */
const parts = ['certs', 'kubeconfig', 'known_hosts', 'kubexm.lock'];

/** Writes the cluster's keys and certificates into an encrypted file, 0600. Tells which files are in it. */
export async function exportPki({
  workDirs,
  cluster,
  path,
  lock,
  isKeyless = false,
}: {
  readonly workDirs: WorkDirs;
  readonly cluster: string;
  readonly path: string;
  readonly lock: ArchiveLock;
  /** The key of the cluster's CA is kept elsewhere. Default false. */
  readonly isKeyless?: boolean;
}): Promise<readonly string[]> {
  const base = workDirs.clusterWorkDir;
  const found = (await Promise.all(parts.map((part) => filesBelow(join(base, part))))).flat();
  const names = found.map((file) => relative(base, file).split(sep).join('/')).sort();
  if (!names.includes(`certs/kubernetes/ca.${isKeyless ? 'crt' : 'key'}`)) {
    throw new KubexmError('FILE_MISSING', `there is no CA of cluster ${cluster} in ${base}`, {
      hint: 'run this in the directory whose .kubexm made the cluster; where that is lost: kubexm cluster adopt',
    });
  }
  const files = Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(join(base, name))).toString('base64')] as const),
    ),
  );
  const archive: PkiArchive = { kind: 'kubexm-pki', version: 1, cluster, time: new Date().toISOString(), files };
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  if ('passphrase' in lock) {
    encrypter.setPassphrase(lock.passphrase.reveal());
    encrypter.setScryptWorkFactor(lock.workFactor ?? 18);
  } else for (const recipient of lock.recipients) addRecipient(recipient, (text) => encrypter.addRecipient(text));
  await writeFileAtomic(path, await encrypter.encrypt(JSON.stringify(archive)), { mode: 0o600 });
  return names;
}

/**
 * Puts the files of an archive into the cluster's work directory, with the modes that they need. Nothing that is there is
 * written over: one that differs is GUARD_REFUSED, before anything is written. Tells which files are new.
 */
export async function importPki({
  workDirs,
  cluster,
  path,
  key,
}: {
  readonly workDirs: WorkDirs;
  readonly cluster: string;
  readonly path: string;
  readonly key: ArchiveKey;
}): Promise<{ readonly time: string; readonly written: readonly string[]; readonly same: readonly string[] }> {
  const archive = await openArchive(path, key);
  if (archive.cluster !== cluster) {
    throw new KubexmError('GUARD_REFUSED', `${path} is of cluster ${archive.cluster}, the config is of ${cluster}`, {
      hint: 'the archive of this cluster, or its config with -f',
      retryable: false,
    });
  }
  const base = workDirs.clusterWorkDir;
  const entries = Object.entries(archive.files).map(([name, data]) => ({ name, content: Buffer.from(data, 'base64') }));
  const written: string[] = [];
  const same: string[] = [];
  const others: string[] = [];
  for (const { name, content } of entries) {
    const there = await unlessMissing(readFile(join(base, name)));
    if (there === undefined) written.push(name);
    else if (there.equals(content)) same.push(name);
    // What is remade or grows by itself is no reason to refuse: that of now counts.
    else if (name === 'known_hosts' || name === 'kubexm.lock') same.push(name);
    else others.push(name);
  }
  if (others.length > 0) {
    throw new KubexmError('GUARD_REFUSED', `${base} has other files than ${path}; nothing was written`, {
      details: others.map((name) => `${name} differs`),
      hint: `where those of the archive are the right ones: mv ${join(base, 'certs')} ${join(base, 'certs.before')}, the kubeconfig likewise, then run the same command again`,
      retryable: false,
    });
  }
  for (const { name, content } of entries.filter((entry) => written.includes(entry.name)))
    await writeFileAtomic(join(base, name), content, { mode: isPublic(name) ? 0o644 : 0o600 });
  return { time: archive.time, written, same };
}

async function openArchive(path: string, key: ArchiveKey): Promise<PkiArchive> {
  const data = await readFile(path).catch((cause: unknown) => {
    throw new KubexmError('FILE_MISSING', `${path} cannot be read`, { cause, retryable: false });
  });
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase.reveal());
  else for (const identity of identitiesIn(key.identities)) decrypter.addIdentity(identity);
  const text = await decrypter.decrypt(data, 'text').catch(() => {
    const what = 'passphrase' in key ? 'passphrase' : 'identity';
    throw new KubexmError('SECRET_MISSING', `${path} cannot be opened with this ${what}, or it is damaged`, {
      hint: 'a file for recipients needs --identity FILE, one with a passphrase the passphrase; age -d opens both, too',
      retryable: false,
    });
  });
  const archive = understood(text);
  if (archive === undefined) {
    throw new KubexmError('PKI_BROKEN', `${path} is no archive of \`kubexm certs export\``, { retryable: false });
  }
  checkPairs(path, archive);
  return archive;
}

function understood(text: string): PkiArchive | undefined {
  try {
    const { kind, version, cluster, files } = JSON.parse(text) as Partial<PkiArchive>;
    const isKnown = kind === 'kubexm-pki' && version === 1 && typeof cluster === 'string' && typeof files === 'object';
    // A name that leads out of the directory is none of ours.
    const areOurs = Object.keys(files ?? {}).every(
      (name) => parts.includes(name.split('/')[0] ?? '') && !name.split('/').includes('..'),
    );
    return isKnown && areOurs ? (JSON.parse(text) as PkiArchive) : undefined;
  } catch {
    return undefined;
  }
}

/** A CA whose key is another's would be found out only when it has to sign. */
function checkPairs(path: string, { files }: PkiArchive): void {
  const text = (name: string) => Buffer.from(files[name] ?? '', 'base64').toString();
  for (const [cert, key] of [
    ['certs/kubernetes/ca.crt', 'certs/kubernetes/ca.key'],
    ['certs/kubernetes/front-proxy-ca.crt', 'certs/kubernetes/front-proxy-ca.key'],
    ['certs/etcd/ca.pem', 'certs/etcd/ca-key.pem'],
  ] as const) {
    if (files[cert] === undefined || files[key] === undefined) continue;
    if (new X509Certificate(text(cert)).checkPrivateKey(createPrivateKey(text(key)))) continue;
    throw new KubexmError('PKI_BROKEN', `${path}: ${key} is not the key of ${cert}`, { retryable: false });
  }
}

function addRecipient(recipient: string, add: (recipient: string) => void): void {
  try {
    add(recipient);
  } catch {
    throw new KubexmError('USAGE', `${recipient} is no recipient of age`, { hint: 'age-keygen -y identity.txt' });
  }
}

function identitiesIn(text: Secret): readonly string[] {
  const lines = text
    .reveal()
    .split('\n')
    .map((line) => line.trim());
  return lines.filter((line) => line.startsWith('AGE-SECRET-KEY-1'));
}

function isPublic(name: string): boolean {
  return /\.(crt|pub)$/.test(name) || (name.endsWith('.pem') && !name.endsWith('-key.pem')) || name === 'kubexm.lock';
}

/** The file itself, or all files below the directory; what a writer has not finished is left out. */
async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await unlessMissing(readdir(path, { withFileTypes: true, recursive: true })).catch(() => undefined);
  if (entries === undefined) return (await unlessMissing(readFile(path))) === undefined ? [] : [path];
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
    .map((entry) => join(entry.parentPath ?? dirname(path), entry.name));
}
