import { stringify } from 'yaml';
import type { Cluster } from '../src/apis/kubexms/v1alpha1/index.js';
import { loadCluster } from '../src/config/index.js';
import { createCluster, graphToJson } from '../src/pipeline/index.js';
import { artifactIndex } from '../src/resource/index.js';
import type { HostFacts } from '../src/runner/index.js';
import { workDirs } from '../src/runtime/work-dirs.js';
import type { PlanContext } from '../src/task/index.js';
import type { BenchRow } from './row.js';

const HOSTS = 1000;

/** The real plan of `cluster create` for 1000 hosts: 3 control planes with etcd, the others workers; nothing cached. */
export async function benchCreatePlan(): Promise<readonly BenchRow[]> {
  const readAt = performance.now();
  const cluster = syntheticCluster();
  const readMs = performance.now() - readAt;
  const context = syntheticContext(cluster);
  const startedAt = performance.now();
  const graph = createCluster.plan(context);
  const planMs = performance.now() - startedAt;
  const jobs = graph.nodes.reduce((sum, node) => sum + node.jobs.length, 0);
  if (jobs < 20 * HOSTS) throw new Error(`the bench planned ${graph.nodes.length} nodes, ${jobs} jobs`);
  const printAt = performance.now();
  const { length } = JSON.stringify(graphToJson(graph));
  const printMs = performance.now() - printAt;
  const rssMb = process.resourceUsage().maxRSS / 1024;
  return [
    { name: `read the config of ${HOSTS} hosts`, value: Math.round(readMs), unit: 'ms', limit: 2000 },
    { name: `plan create for ${HOSTS} hosts (${jobs} jobs)`, value: Math.round(planMs), unit: 'ms', limit: 2000 },
    {
      name: `print that plan as JSON (${Math.round(length / 2 ** 20)} MB)`,
      value: Math.round(printMs),
      unit: 'ms',
      limit: 5000,
    },
    { name: 'peak memory (RSS) of all that', value: Math.round(rssMb), unit: 'MB', limit: 500 },
  ];
}

function syntheticCluster(): Cluster {
  const hosts = Array.from({ length: HOSTS }, (_, index) => ({ name: `host${index + 1}`, address: addressOf(index) }));
  const names = hosts.map(({ name }) => name);
  const text = stringify({
    apiVersion: 'kubexms.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'bench' },
    spec: {
      hosts,
      global: { user: 'root', privateKeyPath: 'id_ed25519' },
      roleGroups: { etcd: names.slice(0, 3), 'control-plane': names.slice(0, 3), worker: names.slice(3) },
      controlPlaneEndpoint: { domain: 'lb.kubexm.local', address: '10.1.255.254' },
      network: { kubePodsCIDR: '172.16.0.0/12' },
    },
  });
  const { cluster, diagnostics } = loadCluster(text, 'bench.yaml');
  if (cluster === undefined) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return cluster;
}

function syntheticContext(cluster: Cluster): PlanContext {
  return {
    cluster,
    facts: new Map(cluster.spec.hosts.map(({ name, address }) => [name, syntheticFacts(name, address)])),
    workDirs: workDirs({ cwd: '/bench', clusterName: cluster.metadata.name }),
    download: cluster.spec.download,
    artifacts: artifactIndex(),
    manifests: new Map(),
    fileDigests: new Map(),
  };
}

function addressOf(index: number): string {
  return `10.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

function syntheticFacts(hostname: string, address: string): HostFacts {
  const free = 100 * 2 ** 30;
  return {
    hostname,
    os: { id: 'debian', idLike: [], version: '13', name: 'Debian GNU/Linux 13 (trixie)' },
    arch: 'amd64',
    kernel: '6.12.43+deb13-amd64',
    cgroup: 'v2',
    cpus: 8,
    memoryBytes: 16 * 2 ** 30,
    swap: false,
    machineId: hostname,
    productUuid: hostname,
    packageManager: 'apt',
    initSystem: 'systemd',
    selinux: 'disabled',
    firewall: 'none',
    ipv4: [{ interface: 'eth0', address, prefix: 16, mtu: 1500 }],
    defaultInterface: 'eth0',
    clockSkewMs: 0,
    freeBytes: { '/': free, '/var/lib/etcd': free },
    fileSystems: { '/': '/dev/vda1', '/var/lib/etcd': '/dev/vda1' },
    listening: [],
    commands: ['tar', 'systemctl'],
    leftovers: [],
    sudo: 'root',
    resolvConf: ['10.1.0.1'],
    sshMaxSessions: 10,
  };
}
