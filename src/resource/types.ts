import type { Arch, WorkDirs } from '../common/work-dirs.js';
import type { ExecutionFragment, Output } from '../plan/index.js';
import type { StepContext } from '../step/index.js';
import type { ComponentName } from './catalogue.js';

/** What a file of the work directories is known to be. `from` says where the digest that it was compared with comes from. */
export type ArtifactState =
  | { readonly state: 'verified'; readonly sha256: string; readonly from: string }
  | { readonly state: 'unverified'; readonly because: string }
  | { readonly state: 'missing' };

/**
 * Which artifacts are there, verified or not, and what `kubexm.lock` pins: read before planning, so that planning is pure.
 * Keys are those of `kubexm.lock`: `etcd/v3.6.14/amd64`.
 */
export interface ArtifactIndex {
  stateOf(key: string): ArtifactState;
  /** The digest that `kubexm.lock` holds. */
  pinned(key: string): string | undefined;
}

/** All that a handle needs to know; planners' contexts have these fields. */
export interface ResourceContext {
  readonly workDirs: WorkDirs;
  /** `spec.download` of the config. */
  readonly download: {
    /** Upstream URL prefix → the prefix that replaces it. */
    readonly mirrors: Readonly<Record<string, string>>;
    /** File URL or file name → sha256 in lower-case hex. */
    readonly checksums: Readonly<Record<string, string>>;
  };
  readonly artifacts: ArtifactIndex;
}

/** `version` with or without its `v`: both name the same artifact. */
export interface BinaryRef {
  readonly name: ComponentName;
  readonly version: string;
  readonly arch: Arch;
}

/** One file that comes from upstream to the control machine, and what is in it. */
export interface RemoteBinary {
  readonly name: ComponentName;
  /** With v: v3.6.14 */
  readonly version: string;
  readonly arch: Arch;
  /** `etcd/v3.6.14/amd64`; the node that downloads it is `/resource/<key>`. */
  readonly key: string;
  /** As upstream names it: `etcd-v3.6.14-linux-amd64.tar.gz`, `kubeadm`, `runc.amd64`. */
  readonly fileName: string;
  /** Upstream's address, before mirrors. */
  readonly url: string;
  readonly archive: 'tar.gz' | 'none';
  /** Leading path elements inside the archive above its programs: what `extractArchive` is to take off. */
  readonly strip: number;
  /** Names of the programs in the archive, after `strip`. Empty: all of it, or the file is the program itself. */
  readonly programs: readonly string[];
  /** Where the file is, or will be, on the control machine. */
  path(ctx: ResourceContext): string;
  /** Known at plan time: the file is there and verified, or its digest is given in the config or by `kubexm.lock`. */
  sha256(ctx: ResourceContext): string | undefined;
  /** For params that need the digest of the file, known at plan time or not: its reader must come after `ensurePlan`. */
  digest(ctx: ResourceContext): string | Output<string>;
  /**
   * Empty where the verified file is there; else exactly one node on the control node, shared by all who ask.
   * Throws ARTIFACT_CHECKSUM where nothing says what the file's digest should be.
   */
  ensurePlan(ctx: ResourceContext): ExecutionFragment<StepContext>;
}
