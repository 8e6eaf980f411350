import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, type LabTopology, labClusterConfig, labHostExec } from '../../../lab/index.js';
import { readJournal } from '../../../src/engine/index.js';
import type { PlanJson } from '../../../src/plan/index.js';
import { type ProcessOptions, type ProcessResult, runProcess } from './process.js';

/** Thrown by `t.skip`. */
export class Skipped extends Error {}

/** The runner's own side of the tools. */
export const internals = Symbol('internals');

/** What a scenario works with. */
export type ScenarioTools = ReturnType<typeof scenarioTools>;

/** The creation of the shared cluster that a scenario was given. */
export interface CreatedCluster {
  readonly ms: number;
  readonly topology: LabTopology;
}

export interface ToolsOptions {
  /** The checkout. */
  readonly root: string;
  /** The work directory: where kubexm runs, and where `.kubexm` and `cluster.yaml` are. */
  readonly dir: string;
  readonly logsDir: string;
  /** The lab hosts of the scenario, in order. */
  readonly hosts: readonly LabHost[];
  readonly created: CreatedCluster | undefined;
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** The end of what a command printed, for a message. */
export function tail(text: string, lines = 25): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** For what is measured: `12.3 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Of a loop beside a scenario: one that fails early must not leave it behind, nor hear of its end. `stop` lets it end. */
export function endsWithScenario(t: ScenarioTools, loop: Promise<unknown>, stop: () => void): void {
  loop.catch(() => undefined);
  t.cleanup(async () => {
    stop();
    await loop.catch(() => undefined);
  });
}

export function scenarioTools({ root, dir, logsDir, hosts, created, signal, print }: ToolsOptions) {
  let commands = 0;
  let controlPlane = hosts[0]?.name ?? '';
  const cleanups: (() => Promise<unknown>)[] = [];
  let providedMs = 0;

  const logPath = async (name: string) => {
    await mkdir(logsDir, { recursive: true });
    commands += 1;
    return join(logsDir, `${String(commands).padStart(2, '0')}-${name.replaceAll(/[^\w.]+/g, '-').slice(0, 60)}.log`);
  };

  /** Runs `./kubexm ARGS` in the work directory. Any exit code is an answer. */
  const kubexm = async (args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> =>
    runProcess([join(root, 'kubexm'), ...args], {
      cwd: dir,
      ...options,
      // The runner has built it; a colleague's saved file must not count as this run's time.
      env: { KUBEXM_SKIP_BUILD: '1', NO_COLOR: '1', ...options.env },
      logPath: await logPath(`kubexm ${args.join(' ')}`),
      abort: signal,
    });

  /** Runs a shell script in a host, from outside: no ssh. */
  const hostExec = async (name: string, script: string, { timeoutMs = 120_000 } = {}) => {
    signal.throwIfAborted();
    return labHostExec(name, script, { timeoutMs });
  };

  /** As hostExec; its stdout. Fails when the script does. */
  const onHost = async (name: string, script: string, options: { timeoutMs?: number } = {}): Promise<string> => {
    const result = await hostExec(name, script, options);
    assert.equal(
      result.exitCode,
      0,
      `on ${name}: ${script}\nended with ${result.exitCode}\n${tail(result.stdout)}\n${tail(result.stderr)}`,
    );
    return result.stdout;
  };

  /** kubectl on a control plane: the first, or another by name. Fails when kubectl does. */
  const kubectl = async (args: readonly string[] | string, { on = controlPlane, stdin = '' } = {}): Promise<string> => {
    signal.throwIfAborted();
    const argv = typeof args === 'string' ? args.split(' ') : args;
    const command = [
      '/usr/local/bin/kubectl',
      '--kubeconfig',
      '/etc/kubernetes/admin.conf',
      '--request-timeout=20s',
      ...argv,
    ];
    const result = await labHostExec(on, command, { timeoutMs: 300_000, stdin });
    assert.equal(
      result.exitCode,
      0,
      `kubectl ${argv.join(' ')} on ${on} ended with ${result.exitCode}\n${tail(result.stdout)}\n${tail(result.stderr)}`,
    );
    return result.stdout;
  };

  const tools = {
    /** The templates of the checkout, for parts that run in the scenario's own process. */
    templatesDir: join(root, 'templates'),
    dir,
    logsDir,
    hosts,
    hostNames: hosts.map((host) => host.name),
    signal,
    /** Of scenarios that need a shared cluster: how it was made. */
    created,
    kubexm,
    hostExec,
    onHost,
    kubectl,

    /** As kubexm; fails unless it ends with 0. */
    async kubexmOk(args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
      const result = await kubexm(args, options);
      assert.equal(
        result.exitCode,
        0,
        `kubexm ${args.join(' ')} ended with ${result.exitCode}\n${tail(result.stdout)}\n${tail(result.stderr)}\n(${result.logPath})`,
      );
      return result;
    },

    /** Any other program of this machine, in the work directory. */
    async command(argv: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
      return runProcess(argv, { cwd: dir, ...options, logPath: await logPath(argv.join(' ')), abort: signal });
    },

    /** Writes cluster.yaml for the scenario's hosts into the work directory, over one that is there. Its path. */
    async clusterYaml(topology: LabTopology = {}): Promise<string> {
      const path = join(dir, 'cluster.yaml');
      const use = topology.use ?? hosts.map((host) => host.name);
      controlPlane = use[0] ?? controlPlane;
      await writeFile(path, await labClusterConfig({ ...topology, use }));
      return path;
    },

    async kubectlJson<T = unknown>(args: readonly string[] | string): Promise<T> {
      const argv = typeof args === 'string' ? args.split(' ') : args;
      return JSON.parse(await kubectl([...argv, '-o', 'json'])) as T;
    },

    /** The newest run: its events, its plan and where they are. `graph`: the newest of that pipeline, as `create-cluster`. */
    async journal({ graph }: { graph?: string } = {}) {
      for (const runDir of (await runDirs(dir)).reverse()) {
        const content = await readJournal(join(runDir, 'journal.jsonl')).catch(() => undefined);
        const started = content?.events.find((event) => event.type === 'run-started');
        if (content === undefined || started === undefined) continue;
        if (graph !== undefined && started.graph !== graph) continue;
        const plan = JSON.parse(await readFile(join(runDir, 'plan.json'), 'utf8')) as PlanJson;
        return { runDir, plan, ...content };
      }
      throw new assert.AssertionError({ message: `${dir} has no journal${graph === undefined ? '' : ` of ${graph}`}` });
    },

    /** Shown with the result. */
    measure(name: string, value: string): void {
      print(`    ${name}: ${value}`);
    },

    log(line: string): void {
      print(`    ${line}`);
    },

    /** Asks until the answer is neither false nor undefined and nothing is thrown; fails with the last reason. */
    async eventually<T>(
      what: string,
      question: () => Promise<T | false | undefined>,
      { timeoutMs = 60_000, everyMs = 500 } = {},
    ): Promise<T> {
      const until = performance.now() + timeoutMs;
      for (let reason = 'the answer was no'; ; ) {
        signal.throwIfAborted();
        try {
          const answer = await question();
          if (answer !== false && answer !== undefined) return answer;
        } catch (error) {
          reason = String(error);
        }
        assert.ok(performance.now() < until, `not within ${timeoutMs / 1000} s: ${what}: ${reason}`);
        await tools.sleep(everyMs);
      }
    },

    sleep(ms: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(done, ms);
        function done() {
          signal.removeEventListener('abort', stop);
          resolve();
        }
        function stop() {
          clearTimeout(timer);
          reject(new Error('the scenario was ended', { cause: signal.reason }));
        }
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      });
    },

    /** Done after the scenario, the last first, however it ends. */
    cleanup(work: () => Promise<unknown>): void {
      cleanups.push(work);
    },

    /** Of a scenario that provides a cluster: how long its creation took. */
    provide({ ms }: { ms: number }): void {
      providedMs = ms;
    },

    /** Ends the scenario as skipped. */
    skip(reason: string): never {
      throw new Skipped(reason);
    },
  };
  return { ...tools, [internals]: { cleanups, providedMs: () => providedMs } };
}

/** All run directories below a work directory, the oldest first. */
async function runDirs(dir: string): Promise<string[]> {
  const base = join(dir, '.kubexm');
  const found: string[] = [];
  for (const cluster of await readdir(base).catch(() => [])) {
    for (const run of await readdir(join(base, cluster, 'runs')).catch(() => []))
      found.push(join(base, cluster, 'runs', run));
  }
  const name = (path: string) => path.slice(path.lastIndexOf('/'));
  return found.sort((a, b) => name(a).localeCompare(name(b)));
}
