import { execFile } from 'node:child_process';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { labUp } from '../../../lab/index.js';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { asError, KubexmError } from '../../errors/index.js';
import { formatDuration } from '../../logger/index.js';
import { workDirs } from '../../runtime/work-dirs.js';
import { runCluster } from '../cluster/execute.js';
import type { Invocation } from '../command-spec.js';
import { type Io, note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import type { OperationRun } from '../operation.js';
import { hostCount } from './host-count.js';
import type { LabUpOptions } from './up.js';

interface DemoOptions extends LabUpOptions {
  readonly events?: string;
}

/** `kubexm lab demo`: hosts, then exactly what `cluster create` does, then a look at what came of it. */
export async function run({ options, io }: Invocation<DemoOptions>): Promise<number> {
  const hosts = hostCount(options.hosts);
  if (options.dryRun) {
    note(
      io,
      `would bring up a lab of ${hosts} hosts, make the cluster of its cluster.yaml and show its nodes and pods`,
    );
    return 0;
  }
  const startedAt = Date.now();
  const lab = await labUp({ hosts, log: (line) => note(io, line) });
  const labMs = Date.now() - startedAt;
  const cluster = await loadConfig(lab.clusterYamlPath, io);
  // Its result as JSON comes once, at the end, with what the demo adds.
  const result = await runCluster({
    cluster,
    options: { ...options, config: lab.clusterYamlPath },
    io,
    quiet: options.output === 'json',
  });
  if (result.exitCode !== 0) {
    note(io, `The lab is still up, to look into it. Config: ${lab.clusterYamlPath}. Take it down: kubexm lab down`);
    // Scenarios, and demos in other directories, leave their clusters on the same hosts.
    note(
      io,
      'To begin with fresh hosts, also where these carry another cluster: kubexm lab down, then kubexm lab demo',
    );
    return result.exitCode;
  }
  const kubectl = await kubectlOf(cluster, result, io);
  if (options.output === 'json') {
    const { findings: _, ...shown } = result;
    printJson(io, {
      labMs,
      config: lab.clusterYamlPath,
      ...shown,
      nodes: await kubectl.json('nodes'),
      pods: await kubectl.json('pods'),
    });
    return 0;
  }
  print(io, `\n${await kubectl.text('nodes')}\n\n${await kubectl.text('pods')}`);
  print(
    io,
    farewell({
      labMs,
      totalMs: Date.now() - startedAt,
      result,
      configPath: lab.clusterYamlPath,
      kubectlPath: kubectl.path,
      cwd: io.cwd,
    }),
  );
  return 0;
}

interface Kubectl {
  readonly path: string;
  text(what: 'nodes' | 'pods'): Promise<string>;
  json(what: 'nodes' | 'pods'): Promise<unknown>;
}

/** The kubectl that was downloaded for the control planes runs here as well: the lab is this machine. */
async function kubectlOf(cluster: Cluster, { kubeconfigPath }: OperationRun, io: Io): Promise<Kubectl> {
  const { version } = cluster.spec.kubernetes;
  const dirs = workDirs({ cwd: io.cwd, clusterName: cluster.metadata.name });
  const path = join(
    dirs.getComponentArtifactsDir('kubectl', version, process.arch === 'arm64' ? 'arm64' : 'amd64'),
    'kubectl',
  );
  const ask = async (what: string, format: string) => {
    const args = [
      '--kubeconfig',
      kubeconfigPath,
      'get',
      what,
      ...(what === 'pods' ? ['--all-namespaces'] : []),
      '-o',
      format,
    ];
    const { stdout } = await promisify(execFile)(path, args, { timeout: 30_000, maxBuffer: 64 * 1024 * 1024 }).catch(
      (thrown: unknown) => {
        const cause = asError(thrown);
        throw new KubexmError('COMMAND_FAILED', `kubectl get ${what} failed`, {
          details: [cause.message],
          hint: `KUBECONFIG=${kubeconfigPath} ${path} get ${what}`,
          cause,
        });
      },
    );
    return stdout.trimEnd();
  };
  return {
    path,
    text: (what) => ask(what, 'wide'),
    json: async (what) => JSON.parse(await ask(what, 'json')) as unknown,
  };
}

function farewell(shown: {
  labMs: number;
  totalMs: number;
  result: OperationRun;
  configPath: string;
  kubectlPath: string;
  cwd: string;
}): string {
  const { labMs, totalMs, result, configPath, kubectlPath, cwd } = shown;
  const { report } = result;
  const width = Math.max(
    ...['lab up', 'cluster create', ...report.phases.map(({ name }) => `  ${name}`)].map(({ length }) => length),
  );
  const row = (name: string, ms: number) => `  ${name.padEnd(width)}  ${formatDuration(ms).padStart(7)}`;
  const phases = [
    row('lab up', labMs),
    row('cluster create', report.ms),
    ...report.phases.map(({ name, ms }) => row(`  ${name}`, ms)),
    row('all', totalMs),
  ];
  return [
    '',
    'Time of each phase (phases overlap):',
    ...phases,
    '',
    `Config:      ${configPath}`,
    `Kubeconfig:  ${relative(cwd, result.kubeconfigPath)}`,
    `Look around: ${relative(cwd, kubectlPath)} --kubeconfig ${relative(cwd, result.kubeconfigPath)} get all -A`,
    'Take down:   kubexm lab down',
  ].join('\n');
}
