import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabHost } from '../../../lab/index.js';
import { type ClusterName, sharedClusters } from './clusters.js';
import { labMissing, onlyRun, sharedLab } from './lab.js';
import { inGoodOrder } from './order.js';
import type { Scenario } from './scenario.js';
import { type CreatedCluster, internals, Skipped, scenarioTools, seconds } from './tools.js';

export interface ScenarioResult {
  readonly id: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  readonly reason?: string;
}

export interface RunScenariosOptions {
  readonly root: string;
  readonly scenarios: readonly Scenario[];
  /** Keep work directories and logs of passed scenarios too. */
  readonly keep: boolean;
  /** End with a line that says how many passed. */
  readonly total: boolean;
  /** Ends the run: the scenario that runs fails, the others do not start. */
  readonly signal: AbortSignal;
  print(line: string): void;
}

interface SharedCluster extends CreatedCluster {
  readonly name: ClusterName;
  readonly dir: string;
}

/** Runs scenarios one after the other on one lab. Its last line says how it went. */
export async function runScenarios({
  root,
  scenarios,
  keep,
  total,
  signal,
  print,
}: RunScenariosOptions): Promise<readonly ScenarioResult[]> {
  const missing = labMissing();
  const results: ScenarioResult[] = [];
  if (missing !== undefined) {
    for (const { id } of scenarios) results.push(skipped(id, missing));
  } else {
    const release = await onlyRun({ log: print, signal });
    const base = await mkdtemp(join(tmpdir(), 'kubexm-e2e-'));
    try {
      const run = scenarioRunner({ root, base, signal, print });
      for (const each of inGoodOrder(scenarios)) results.push(await run(each));
    } finally {
      release();
      if (!keep && results.every(({ state }) => state !== 'failed')) await rm(base, { recursive: true, force: true });
      else print(`work directories and logs: ${base}`);
    }
  }
  for (const { id, state, reason } of results) if (state === 'skipped') print(`- ${id} skipped: ${reason ?? ''}`);
  for (const { id, state, reason } of results)
    if (state === 'failed') print(`✖ ${id} failed: ${(reason ?? '').split('\n')[0]}`);
  const count = (state: ScenarioResult['state']) => results.filter((result) => result.state === state).length;
  if (total) print(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return results;
}

function scenarioRunner({
  root,
  base,
  signal,
  print,
}: {
  root: string;
  base: string;
  signal: AbortSignal;
  print(line: string): void;
}) {
  const labLog = (line: string) => print(`    lab: ${line}`);
  const lab = sharedLab({ log: labLog, signal });
  /** The shared cluster that is on the hosts now. */
  let present: SharedCluster | undefined;

  const create = async (name: ClusterName): Promise<SharedCluster> => {
    const { hosts: count, topology } = sharedClusters[name];
    const dir = join(base, name);
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    const hosts = await freshHosts(lab, count);
    const t = scenarioTools({ root, dir, logsDir: `${dir}-logs`, hosts, created: undefined, signal, print });
    await t.clusterYaml(topology);
    const { ms } = await t.kubexmOk(['cluster', 'create', '--yes']);
    t.measure(`cluster create of ${name}`, `${(ms / 1000).toFixed(1)} s`);
    return { name, dir, ms, topology };
  };

  const prepare = async ({
    id,
    needs = 'fresh',
    hosts: count,
  }: Scenario): Promise<{ dir: string; hosts: readonly LabHost[]; created?: SharedCluster }> => {
    const dir = join(base, id);
    await mkdir(dir, { recursive: true });
    if (needs === 'absent') {
      present = undefined;
      await lab.absent();
      return { dir, hosts: [] };
    }
    if (needs === 'fresh') {
      present = undefined;
      return { dir, hosts: await freshHosts(lab, count) };
    }
    if (present?.name !== needs) {
      present = undefined;
      present = await create(needs);
    }
    return { dir: present.dir, hosts: await lab.hosts(sharedClusters[needs].hosts), created: present };
  };

  return async (scenario: Scenario): Promise<ScenarioResult> => {
    const { id, title, timeoutMinutes = 15 } = scenario;
    if (signal.aborted) return skipped(id, 'the run was ended');
    const reason = await scenario.skip?.();
    if (reason !== undefined) return skipped(id, reason);
    print(`▶ ${id}: ${title}`);
    const begun = performance.now();
    const logsDir = join(base, `${id}-logs`);
    const own = new AbortController();
    const either = AbortSignal.any([signal, own.signal]);
    let dir = join(base, id);
    let startedAt = begun;
    try {
      const given = await prepare(scenario);
      dir = given.dir;
      const t = scenarioTools({
        root,
        dir,
        logsDir,
        hosts: given.hosts,
        created: given.created,
        signal: either,
        print,
      });
      startedAt = performance.now();
      const timer = setTimeout(
        () => own.abort(new Error(`not done after ${timeoutMinutes} minutes`)),
        timeoutMinutes * 60_000,
      );
      try {
        await untilAborted(scenario.run(t), either);
      } finally {
        clearTimeout(timer);
        for (const work of t[internals].cleanups.reverse())
          await work().catch((error: unknown) => print(`    cleanup failed: ${String(error)}`));
      }
      const ms = performance.now() - startedAt;
      if (scenario.breaks) present = undefined;
      if (scenario.provides !== undefined) {
        present = {
          name: scenario.provides,
          dir,
          ms: t[internals].providedMs(),
          topology: sharedClusters[scenario.provides].topology,
        };
      }
      print(`✔ ${id} passed in ${seconds(ms)}`);
      return { id, state: 'passed', ms };
    } catch (error) {
      const ms = performance.now() - startedAt;
      if (error instanceof Skipped) return skipped(id, error.message);
      present = undefined;
      const cause = signal.aborted
        ? new Error('the run was ended')
        : either.aborted
          ? (either.reason as Error)
          : (error as Error);
      await keepEvidence({ dir, logsDir, error: cause });
      for (const line of message(cause).split('\n')) print(`    ${line}`);
      print(`✖ ${id} failed after ${seconds(ms)}; logs: ${logsDir}; work directory: ${dir}`);
      return { id, state: 'failed', ms, reason: message(cause) };
    }
  };
}

async function freshHosts(lab: ReturnType<typeof sharedLab>, count: number): Promise<readonly LabHost[]> {
  const hosts = await lab.up(count);
  await lab.reset(hosts);
  return hosts;
}

/** The work may go on behind it: what it runs was killed by the same signal. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  await Promise.race([work, aborted]);
}

/** A shared work directory is removed with its cluster: the runs of a failed scenario stay beside its logs. */
async function keepEvidence({ dir, logsDir, error }: { dir: string; logsDir: string; error: Error }): Promise<void> {
  await mkdir(logsDir, { recursive: true });
  await writeFile(join(logsDir, 'error.txt'), `${error.stack ?? String(error)}\n`);
  await cp(dir, join(logsDir, 'work'), {
    recursive: true,
    filter: (path) => !/\/(etcd|container_runtime|kubernetes|images)$/.test(path) || path.includes('/certs/'),
  }).catch(() => {});
}

function message(error: Error): string {
  return error.name === 'AssertionError' ? error.message : String(error.message || error);
}

function skipped(id: string, reason: string): ScenarioResult {
  return { id, state: 'skipped', ms: 0, reason };
}
