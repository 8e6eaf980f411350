import { KubexmError } from '../errors/index.js';
import type { ExpectedChecksum } from '../step/index.js';
import type { CatalogueEntry } from './catalogue.js';
import type { ResourceContext } from './types.js';

type DownloadSettings = ResourceContext['download'];

/**
 * Where to ask for an upstream address, in order: every mirror whose prefix fits, the longest prefix first. Upstream
 * itself is asked only where no mirror is given for it: who sets a mirror does not want traffic that goes past it.
 */
export function mirrored(url: string, { mirrors }: DownloadSettings): readonly string[] {
  const fitting = Object.entries(mirrors).filter(([prefix]) => isPrefix(prefix, url));
  if (fitting.length === 0) return [url];
  return fitting.sort(([a], [b]) => b.length - a.length).map(([prefix, mirror]) => replaced(url, prefix, mirror));
}

/** The digest from `spec.download.checksums`, by upstream's address, a mirror's address, or the bare file name. */
export function configuredChecksum(entry: CatalogueEntry, download: DownloadSettings): string | undefined {
  const names = [entry.url, ...mirrored(entry.url, download), entry.fileName];
  return names.map((name) => download.checksums[name]).find((sha256) => sha256 !== undefined);
}

/** What a file's digest must be, or where to learn it: the config, then kubexm.lock, then upstream, then the built-in table. */
export function expectedChecksum(entry: CatalogueEntry, key: string, ctx: ResourceContext): ExpectedChecksum {
  const configured = configuredChecksum(entry, ctx.download);
  if (configured !== undefined) return { sha256: configured, source: 'spec.download.checksums' };
  const pinned = ctx.artifacts.pinned(key);
  if (pinned !== undefined) return { sha256: pinned, source: 'kubexm.lock' };
  if (entry.checksumUrl !== undefined) return { urls: mirrored(entry.checksumUrl, ctx.download) };
  if (entry.builtInSha256 !== undefined) return { sha256: entry.builtInSha256, source: 'the built-in table' };
  throw new KubexmError('ARTIFACT_CHECKSUM', `nothing says what the sha256 of ${entry.fileName} should be`, {
    hint: `give it in the config: spec.download.checksums: { "${entry.url}": <sha256> }`,
    details: ['its project publishes no checksum file'],
    retryable: false,
  });
}

/** `https://dl.k8s.io` covers `https://dl.k8s.io/release` and not `https://dl.k8s.io.example`. */
function isPrefix(prefix: string, url: string): boolean {
  return url.startsWith(prefix) && (prefix.endsWith('/') || url.length === prefix.length || url[prefix.length] === '/');
}

function replaced(url: string, prefix: string, mirror: string): string {
  const rest = url.slice(prefix.length).replace(/^\/+/, '');
  return rest === '' ? mirror : `${mirror.replace(/\/+$/, '')}/${rest}`;
}
