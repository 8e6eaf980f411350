/** Where the digest that a download must have comes from. `source` is for messages: `spec.download.checksums`. */
export type ExpectedChecksum =
  | { readonly sha256: string; readonly source: string }
  /** Upstream's checksum file, fetched with the file: a bare digest, or lines of `digest  name`. */
  | { readonly urls: readonly string[] };

/** All paths are on the control machine. Addresses are tried in their order. */
export interface DownloadFile {
  readonly urls: readonly string[];
  readonly target: string;
  readonly checksum: ExpectedChecksum;
  /** What the file must begin with; anything else is not kept. */
  readonly expect: 'gzip' | 'elf' | 'any';
  /** Default 0o644. */
  readonly mode?: number;
  /** Where the digest is pinned once it was verified. `url` is upstream's own address, whichever mirror served it. */
  readonly lock?: { readonly path: string; readonly key: string; readonly url: string };
}
