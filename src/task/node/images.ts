import { KubexmError } from '../../errors/index.js';
import { draft, type HostName } from '../../plan/index.js';
import { readUnusedImages, removeImages, type StepContext, type UnusedImage } from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { defineTask, nodeHosts, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { imagesOf } from '../kubernetes/images.js';

const report = 'cri:unused-images';

/** Images of hosts that nothing uses; of hosts that could not be asked, `failures` tell. */
export interface UnusedImages {
  readonly hosts: readonly { readonly host: HostName; readonly images: readonly UnusedImage[] }[];
  readonly failures: Findings['failures'];
}

export const readUnused = (hosts: readonly HostName[]) =>
  defineTask('read-unused-images', (ctx) => {
    const g = draft<StepContext>('read-unused-images');
    g.addEach('images', nodesOf(ctx, hosts), (host) =>
      readUnusedImages({ report, endpoint: criEndpoint(ctx, host).socket, keep: kept(ctx) }),
    );
    return g.done();
  });

export function observeUnused(_ctx: PlanContext, findings: Findings): UnusedImages {
  const hosts = reported<readonly UnusedImage[]>(findings, report).map(({ host, data }) => ({ host, images: data }));
  return { hosts, failures: findings.failures };
}

export const pruneImages = ({ hosts, failures }: UnusedImages) =>
  defineTask('prune-images', (ctx) => {
    const ids = new Map(hosts.map(({ host, images }) => [host, images.map(({ id }) => id)]));
    const g = draft<StepContext>('prune-images');
    if (ids.size === 0) throw nobodyAsked(failures);
    g.addEach('remove', [...ids.keys()], (host) =>
      removeImages({ endpoint: criEndpoint(ctx, host).socket, keep: kept(ctx), ids: ids.get(host) ?? [] }),
    );
    return g.done();
  });

function nobodyAsked(failures: Findings['failures']): KubexmError {
  return new KubexmError('COMMAND_FAILED', 'no node could be asked for its images', {
    details: failures.map(({ host, message }) => `${host}: ${message}`),
    hint: 'kubexm node list',
  });
}

/** What the cluster runs on any node: a pod that moves here must not wait for a download. */
function kept({ cluster }: PlanContext): readonly string[] {
  const { controlPlane, everyNode, dns, endpoint } = imagesOf(cluster);
  return [...new Set([...controlPlane, ...everyNode, ...dns, ...endpoint.controlPlane, ...endpoint.worker])];
}

/** None: all nodes. Hosts that do not answer have no facts. */
function nodesOf(ctx: PlanContext, hosts: readonly HostName[]): readonly HostName[] {
  return nodeHosts(ctx).filter((host) => ctx.facts.has(host) && (hosts.length === 0 || hosts.includes(host)));
}
