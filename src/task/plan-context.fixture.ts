import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { loadCluster, renderDiagnostic } from '../config/index.js';
import { artifactIndex } from '../resource/index.js';
import { fakeFacts } from '../runner/fake-facts.js';
import type { HostFacts } from '../runner/index.js';
import { workDirs } from '../runtime/work-dirs.js';
import { deepMerge } from '../util/deep-merge.js';
import type { PlanContext } from './context.js';

const examples = new URL('../../examples/', import.meta.url);

/** The example clusters by their names, as YAML. */
export function exampleClusters(): ReadonlyMap<string, string> {
  const files = readdirSync(examples).filter((file) => file.endsWith('.yaml'));
  return new Map(files.map((file) => [basename(file, '.yaml'), readFileSync(new URL(file, examples), 'utf8')]));
}

/** A cluster from its YAML, with files named beside `/srv/cluster.yaml`. */
export function clusterOf(text: string): Cluster {
  const { cluster, diagnostics } = loadCluster(text, '/srv/cluster.yaml');
  if (cluster) return cluster;
  throw new Error(diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, { color: false })).join('\n'));
}

/** One control plane with its etcd and one worker, with `spec` laid over it key by key. */
export function smallCluster(spec: Readonly<Record<string, unknown>> = {}): Cluster {
  const base = {
    hosts: [
      { name: 'm1', address: '10.0.0.11' },
      { name: 'w1', address: '10.0.0.21' },
    ],
    roleGroups: { etcd: ['m1'], 'control-plane': ['m1'], worker: ['w1'] },
    global: { user: 'root', privateKeyPath: '/srv/id' },
  };
  // JSON is YAML.
  return clusterOf(
    JSON.stringify({
      apiVersion: 'kubexms.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'small' },
      spec: deepMerge(base, spec),
    }),
  );
}

/** What planners see of a cluster whose hosts are healthy and empty, but for what `facts` says of them. */
export function planContext(
  cluster: Cluster,
  {
    facts = {},
    cwd = '/srv',
    ...over
  }: { readonly facts?: Readonly<Record<string, Partial<HostFacts>>>; readonly cwd?: string } & Partial<
    Pick<PlanContext, 'artifacts' | 'manifests' | 'fileDigests'>
  > = {},
): PlanContext {
  const hosts = cluster.spec.hosts.filter((host) => host.roles.length > 0);
  return {
    cluster,
    facts: new Map(
      hosts.map((host) => [
        host.name,
        fakeFacts(host.name, {
          arch: host.arch ?? 'amd64',
          ipv4: [{ interface: 'eth0', address: host.internalAddress, prefix: 24, mtu: 1500 }],
          ...facts[host.name],
        }),
      ]),
    ),
    workDirs: workDirs({ cwd, clusterName: cluster.metadata.name }),
    download: cluster.spec.download,
    artifacts: artifactIndex(),
    manifests: new Map(),
    fileDigests: new Map(),
    ...over,
  };
}
