import { join } from 'node:path';
import type { WorkDirs } from '../common/work-dirs.js';
import { CONTROL_NODE, draft } from '../plan/index.js';
import { downloadFile, fileDigest, type StepContext } from '../step/index.js';
import { lookUp } from './catalogue.js';
import { expectedChecksum, mirrored } from './sources.js';
import type { BinaryRef, RemoteBinary, ResourceContext } from './types.js';

/** The handle of one artifact of the catalogue: a value, so asking twice is the same as asking once. */
export function remoteBinary(ref: BinaryRef): RemoteBinary {
  const { name, arch } = ref;
  const entry = lookUp(ref);
  const key = `${name}/${entry.version}/${arch}`;
  const path = ({ workDirs }: ResourceContext) => artifactPath(workDirs, ref);
  const sha256 = ({ artifacts }: ResourceContext) => {
    const found = artifacts.stateOf(key);
    return found.state === 'verified' ? found.sha256 : undefined;
  };
  const download = (ctx: ResourceContext) =>
    downloadFile({
      urls: mirrored(entry.url, ctx.download),
      target: path(ctx),
      checksum: expectedChecksum(entry, key, ctx),
      expect: entry.archive === 'none' ? 'elf' : 'gzip',
      lock: { path: ctx.workDirs.lockFile, key, url: entry.url },
      // kubectl is of use on the control machine too.
      ...(entry.archive === 'none' ? { mode: 0o755 } : {}),
    });
  return Object.freeze({
    name,
    arch,
    key,
    version: entry.version,
    fileName: entry.fileName,
    url: entry.url,
    archive: entry.archive,
    strip: entry.strip,
    programs: entry.programs,
    path,
    sha256,
    digest: (ctx: ResourceContext) => sha256(ctx) ?? fileDigest(path(ctx)),
    ensurePlan: (ctx: ResourceContext) => {
      const g = draft<StepContext>('resource');
      if (sha256(ctx) === undefined) g.shared(`/resource/${key}`, [CONTROL_NODE], download(ctx));
      return g.done();
    },
  });
}

/** Where an artifact is, or will be, on the control machine. */
export function artifactPath(workDirs: WorkDirs, ref: BinaryRef): string {
  const { version, fileName } = lookUp(ref);
  return join(workDirs.getComponentArtifactsDir(ref.name, version, ref.arch), fileName);
}
