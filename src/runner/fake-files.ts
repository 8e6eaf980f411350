import { createHash } from 'node:crypto';
import { posix } from 'node:path';

/** A file of a fake host. `content` is the text of `bytes`. */
export interface FakeFile {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly content: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly mtime: number;
  readonly linkTarget?: string;
  /** Stands for a content that a test does not want to spell out. */
  readonly sha256?: string;
}

/** A string is the content of a 0644 root:root file. */
export type FakeFileInit =
  | string
  | (Partial<Omit<FakeFile, 'bytes' | 'content'>> & { readonly content?: string | Uint8Array });

/** File system of a fake host: absolute POSIX paths; parents exist as soon as something lies in them. */
export class FakeFiles extends Map<string, FakeFile> {
  #clock = 1_700_000_000;

  /** Sets a file as it is described, with the next second as its mtime; missing directories are made. */
  put(path: string, init: FakeFileInit): void {
    const described = typeof init === 'string' ? { content: init } : init;
    this.makeDirectories(posix.dirname(path));
    const type = described.type ?? (described.linkTarget === undefined ? 'file' : 'symlink');
    const bytes = Buffer.from(described.content ?? '');
    this.set(path, {
      mode: type === 'directory' ? 0o755 : 0o644,
      owner: 'root',
      group: 'root',
      mtime: this.tick(),
      ...described,
      type,
      bytes,
      content: bytes.toString('utf8'),
    });
  }

  /** Follows symlinks; undefined where the path, or what it points to, does not exist. */
  follow(path: string): FakeFile | undefined {
    let current = path;
    for (let hops = 0; hops < 40; hops++) {
      const file = this.get(current);
      if (file?.linkTarget === undefined) return file;
      current = posix.resolve(posix.dirname(current), file.linkTarget);
    }
    return undefined;
  }

  /** Paths below a directory, without itself. */
  below(path: string): string[] {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    return [...this.keys()].filter((other) => other.startsWith(prefix) && other !== prefix);
  }

  removeTree(path: string): void {
    for (const other of this.below(path)) this.delete(other);
    this.delete(path);
  }

  makeDirectories(path: string): void {
    if (path !== '/') this.makeDirectories(posix.dirname(path));
    if (this.has(path)) return;
    const directory = { type: 'directory', content: '', bytes: new Uint8Array(), mode: 0o755, owner: 'root' } as const;
    this.set(path, { ...directory, group: 'root', mtime: this.tick() });
  }

  /** The host's clock: every change is one second later. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }
}

/** Digest of a fake file: the given one, else that of its bytes. */
export function fakeSha256(file: FakeFile): string {
  return file.sha256 ?? createHash('sha256').update(file.bytes).digest('hex');
}
