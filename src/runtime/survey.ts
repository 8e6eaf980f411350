import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { etcdRestorePaths } from '../common/etcd-restore.js';
import { hostMarks } from '../common/host-marks.js';
import { hostPaths } from '../common/host-paths.js';
import { type EngineEvent, type ErrorReport, type Limits, runGraph } from '../engine/index.js';
import { draft, type Json, type Precheck, type Step, seal } from '../plan/index.js';
import type { HostFacts, HostRunner } from '../runner/index.js';
import { errorReport } from './error-report.js';
import type { HostPool } from './hosts.js';

/** What the hosts said about themselves, and why others said nothing. */
export interface Survey {
  readonly facts: ReadonlyMap<string, HostFacts>;
  readonly failures: ReadonlyMap<string, ErrorReport>;
}

/** The commands that plans ask for: what is missing is installed or reported. */
const commands = [
  'systemctl',
  'tar',
  'bash',
  'ip',
  'iptables',
  'conntrack',
  'mount',
  'sysctl',
  'modprobe',
  'socat',
  'ethtool',
  'ipset',
];
const diskPaths = ['/usr/local/bin', '/var/lib/kubexm', '/var/lib/containerd', '/var/lib/kubelet', '/var/lib/etcd'];

interface SurveyOptions {
  readonly cluster: Cluster;
  /** Hosts of the config that are asked although they have no role. */
  readonly also?: readonly string[];
  /** Of the hosts with a role, these alone. */
  readonly only?: readonly string[] | undefined;
  readonly pool: HostPool;
  readonly limits: Limits;
  emit(event: EngineEvent): void;
  redact(text: string): string;
}

interface SurveyContext {
  readonly name: string;
  readonly signal: AbortSignal;
}

/** A small graph of its own: connect and ask for the facts, all hosts at once. */
export async function surveyHosts({
  cluster,
  also = [],
  only,
  pool,
  limits,
  emit,
  redact,
}: SurveyOptions): Promise<Survey> {
  const names = cluster.spec.hosts
    .filter((host) => (host.roles.length > 0 && (only?.includes(host.name) ?? true)) || also.includes(host.name))
    .map((host) => host.name);
  const facts = new Map<string, HostFacts>();
  const dataDirs = cluster.spec.etcd.type === 'kubexm' ? [cluster.spec.etcd.dataDir] : [];
  const ask: Step<SurveyContext> = {
    kind: 'host.facts',
    title: 'Connect and gather facts',
    params: { commands, diskPaths } satisfies Json,
    async precheck({ name, signal }): Promise<Precheck> {
      const runner: HostRunner = await pool.runner(name);
      facts.set(
        name,
        await runner.facts({
          diskPaths: [...new Set([...diskPaths, ...dataDirs])],
          commands,
          leftovers: [
            ...dataDirs.flatMap((path) => [`${path}/member`, `${path}/member/wal`]),
            etcdRestorePaths.marker,
            hostMarks.state,
            hostPaths.encryption.config,
            ...Object.values(hostPaths.endpoint),
          ],
          signal,
        }),
      );
      return { state: 'satisfied', because: 'the host answered' };
    },
    run: () => Promise.resolve(),
  };
  const g = draft<SurveyContext>('survey');
  g.add('facts', names, ask);
  const graph = seal('survey', g.done(), { hosts: names });
  const result = await runGraph(graph, {
    mode: 'apply',
    limits,
    emit,
    createContext: (tools) => ({ name: tools.host, signal: tools.signal }),
    report: (error) => errorReport(error, redact),
  });
  const failures = new Map<string, ErrorReport>();
  for (const { host, outcome } of result.jobs) if (outcome.state === 'failed') failures.set(host, outcome.error);
  return { facts, failures };
}
