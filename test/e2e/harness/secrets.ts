import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What must not be found, by the name under which a finding is reported. */
export type Forbidden = ReadonlyMap<string, string>;

/** A text as it is, in base64, and as JSON, a shell word or a URL would write it. */
export function writings(name: string, text: string): [string, string][] {
  const forms = new Map([
    [name, text],
    [`${name} in base64`, Buffer.from(text).toString('base64').replace(/=+$/, '')],
    [`${name} with a line feed in base64`, Buffer.from(`${text}\n`).toString('base64').replace(/=+$/, '')],
    [`${name} in a URL`, encodeURIComponent(text)],
    [`${name} in JSON`, JSON.stringify(text).slice(1, -1)],
    [`${name} in a shell word`, text.replaceAll("'", `'\\''`)],
  ]);
  return [...forms];
}

/** Every line of a private key's base64, and of the base64 of the whole file as kubeconfigs hold it. */
export function privateKeyLines(name: string, pem: string): [string, string][] {
  const whole = Buffer.from(pem).toString('base64');
  const body = pem
    .split('\n')
    .map((line) => line.trim())
    // The last line may be too short to tell.
    .filter((line) => line.length >= 16 && !line.startsWith('-----'));
  if (body.length === 0 || !pem.includes('PRIVATE KEY')) throw new Error(`${name} is no private key`);
  // What lies beyond the head, which all keys of a kind have in common.
  const tail = whole.slice(Math.ceil(whole.length / 2), Math.ceil(whole.length / 2) + 64);
  return [
    ...body.map((line, index): [string, string] => [`${name}, line ${index + 1}`, line]),
    [`${name} in base64`, tail],
  ];
}

/** All private keys below a directory. */
export async function privateKeysBelow(directory: string): Promise<[string, string][]> {
  const files = (await readdir(directory, { recursive: true }))
    .filter((path) => /(\.key|-key\.pem)$/.test(path))
    .sort();
  const lines = await Promise.all(
    files.map(async (path) => privateKeyLines(path, await readFile(join(directory, path), 'utf8'))),
  );
  return lines.flat();
}

/** Names of what is in a text. */
export function foundIn(text: string, forbidden: Forbidden): string[] {
  return [...forbidden].filter(([, secret]) => text.includes(secret)).map(([name]) => name);
}

/** Looks through all files below a directory, but for those that hold secrets by purpose. Says how many it read. */
export async function searchFiles(
  directory: string,
  forbidden: Forbidden,
  { except }: { except: RegExp },
): Promise<{ readonly files: number; readonly found: readonly string[] }> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  let files = 0;
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(directory, path);
    if (except.test(name)) continue;
    files += 1;
    // One byte is one character, so that nothing is lost in what is no text.
    let before = '';
    for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
      const text = before + (chunk as string);
      found.push(...foundIn(text, forbidden).map((secret) => `${secret} is in ${name}`));
      before = text.slice(-200);
    }
  }
  return { files, found: [...new Set(found)] };
}

/** Looks at the command lines of all processes of this machine, and so of all lab hosts, again and again until it is stopped. */
export function watchCommandLines(): { stop(): Promise<ReadonlySet<string>> } {
  const seen = new Set<string>();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        // It may have ended since.
        const text = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
        if (text !== '') seen.add(text.replaceAll('\0', ' ').trimEnd());
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return seen;
    },
  };
}

/** Keys for etcd in a work directory's file, the newest first. */
export async function keysIn(path: string): Promise<readonly { readonly name: string; readonly secret: string }[]> {
  return (JSON.parse(await readFile(path, 'utf8')) as { keys: { name: string; secret: string }[] }).keys;
}
