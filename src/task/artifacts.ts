import { hostPaths } from '../common/host-paths.js';
import type { After, Draft, HostName, Ref } from '../plan/index.js';
import { sameHost } from '../plan/index.js';
import { type ComponentName, type RemoteBinary, remoteBinary } from '../resource/index.js';
import { extractArchive, type StepContext, uploadFile } from '../step/index.js';
import { archOf, type PlanContext } from './context.js';

/** A component in the version of the config. */
export interface ComponentVersion {
  readonly name: ComponentName;
  readonly version: string;
}

/** The artifact for this host's architecture. */
export function artifactFor(ctx: PlanContext, component: ComponentVersion, host: HostName): RemoteBinary {
  return remoteBinary({ ...component, arch: archOf(ctx, host) });
}

/** The distinct files that these hosts need of a component: one per architecture in use. */
export function artifactsFor(
  ctx: PlanContext,
  component: ComponentVersion,
  hosts: readonly HostName[],
): RemoteBinary[] {
  return [...new Set(hosts.map((host) => archOf(ctx, host)))].map((arch) => remoteBinary({ ...component, arch }));
}

interface Placing {
  readonly g: Draft<StepContext>;
  readonly ctx: PlanContext;
  readonly component: ComponentVersion;
  readonly hosts: readonly HostName[];
  readonly after?: After;
}

/** Brings a single program to its place on the hosts. */
export function placeBinary({ g, ctx, component, hosts, after }: Placing, target: string): Ref {
  const ready = artifactsFor(ctx, component, hosts).map((artifact) => g.include(artifact.ensurePlan(ctx)));
  return g.addEach(
    `upload-${component.name}`,
    hosts,
    (host) => {
      const artifact = artifactFor(ctx, component, host);
      return uploadFile({ source: artifact.path(ctx), target, sha256: artifact.digest(ctx), mode: 0o755 });
    },
    { after: [...ready, ...(after ? [after] : [])] },
  );
}

/** Brings an archive to the hosts and its programs (all files of it where it names none) into a directory. */
export function placeArchive({ g, ctx, component, hosts, after }: Placing, into: string): Ref {
  const ready = artifactsFor(ctx, component, hosts).map((artifact) => g.include(artifact.ensurePlan(ctx)));
  const onHost = (artifact: RemoteBinary) => `${hostPaths.artifacts}/${artifact.fileName}`;
  const uploaded = g.addEach(
    `upload-${component.name}`,
    hosts,
    (host) => {
      const artifact = artifactFor(ctx, component, host);
      return uploadFile({
        source: artifact.path(ctx),
        target: onHost(artifact),
        sha256: artifact.digest(ctx),
        mode: 0o644,
      });
    },
    { after: [...ready, ...(after ? [after] : [])] },
  );
  return g.addEach(
    `extract-${component.name}`,
    hosts,
    (host) => {
      const artifact = artifactFor(ctx, component, host);
      return extractArchive({
        archive: onHost(artifact),
        sha256: artifact.digest(ctx),
        into,
        strip: artifact.strip,
        members: artifact.programs.map((path) => ({ path, mode: 0o755 })),
      });
    },
    { after: sameHost(uploaded) },
  );
}
