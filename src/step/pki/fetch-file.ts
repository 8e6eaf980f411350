import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { sha256File } from '../../util/sha256-file.js';
import { unlessMissing } from '../../util/system-error.js';
import { defineStep, needed, satisfied } from '../define.js';
import { fileDigest } from './digest.js';

/** Digests of files by their paths; what is not in it is not there. */
export type DigestsReport = Readonly<Record<string, string>>;

/** Reads the digests of files: `DigestsReport`, as the data of the log event `report`. */
export const readDigests = defineStep<{ readonly report: string; readonly paths: readonly string[] }>({
  kind: 'read.digests',
  title: () => 'Read the digests of files',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const found = await host.statMany(p.paths, { sha256: true, signal });
    const digests = [...found.values()].flatMap(({ path, sha256 }) => (sha256 === undefined ? [] : [[path, sha256]]));
    log('debug', p.report, Object.fromEntries(digests) as Json);
    return satisfied(`${digests.length} of ${p.paths.length} are there`);
  },
  run: () => Promise.resolve(),
});

/** `path`: on the host, with this digest; `target`: on the control machine, written with this mode. */
export interface FetchFile {
  readonly path: string;
  readonly sha256: string;
  readonly target: string;
  readonly mode: number;
}

/** Brings a file of a host to the control machine. One that is there is never written over. */
export const fetchFile = defineStep<FetchFile>({
  kind: 'pki.fetch',
  title: (p) => `Fetch ${p.path}`,
  writes: (p) => [fileDigest(p.target).$output],
  async precheck(ctx, p) {
    const there = await unlessMissing(sha256File(p.target));
    if (there === undefined) return needed(`${p.target} is not on this machine`);
    if (there === p.sha256) {
      ctx.write(fileDigest(p.target), there);
      return satisfied('it is on this machine');
    }
    throw new KubexmError('GUARD_REFUSED', `${p.target} is there, and another one than ${p.path} of ${ctx.host.name}`, {
      hint: `if that of ${ctx.host.name} is the right one: mv ${p.target} ${p.target}.before, then run the same command again`,
      retryable: false,
    });
  },
  async run({ host, signal, write }, p) {
    await host.download(p.path, p.target, { mode: p.mode, signal });
    const got = await sha256File(p.target);
    if (got !== p.sha256)
      throw new KubexmError('TRANSFER_FAILED', `${p.path} of ${host.name} changed while it was fetched`);
    write(fileDigest(p.target), got);
  },
});
