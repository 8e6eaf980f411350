import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { LabTopology } from '../../../lab/index.js';
import { acting } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import type { ScenarioTools } from '../harness/tools.js';

const create = ['cluster', 'create', '--yes'];

export const etcd5 = scenario({
  id: 'etcd-5',
  title: 'two operators at once: the second is told who is at work; what is killed holds nothing; what is broken stops',
  hosts: 1,
  breaks: true,
  async run(t) {
    const second = join(t.dir, 'second');
    await mkdir(second, { recursive: true });
    // A user with a password first: their session is held by sudo, not by the shell itself.
    for (const login of ['sudo-password', 'key'] as const) {
      await configFor(t, second, { login });
      await refusedThenKilled(t, { second, login });
      await broken(t, { second, login });
    }
  },
});

interface Trial {
  /** Work directory of the second operator. */
  readonly second: string;
  readonly login: NonNullable<LabTopology['login']>;
}

async function refusedThenKilled(t: ScenarioTools, { second, login }: Trial): Promise<void> {
  let killNow = false;
  const config = await slowConfig(t, `to be killed, ${login}`);
  const first = t.kubexm(create, { killAfter: { when: () => killNow } });
  await inScript(t);
  const began = Date.now();
  const refused = await t.kubexm(create, { cwd: second });
  assert.equal(refused.exitCode, 4, `${login}: the second operator\n${refused.stderr}`);
  const holder =
    /another kubexm is at work on this cluster: `kubexm (.*)` of (\S+) on (\S+) \(pid (\d+)\), since (\S+)/.exec(
      refused.stderr,
    );
  assert.ok(holder, `${login}: who holds the lock is not said\n${refused.stderr}`);
  const [, operation, user, host, pid, since = ''] = holder;
  assert.deepEqual([operation, user, host], ['cluster create', userInfo().username, hostname()]);
  assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /main\.js/, `${login}: ${pid} is the first operator's`);
  assert.ok(Math.abs(Date.parse(since) - began) < 120_000, `${login}: since ${since}`);
  assert.match(refused.stderr, /--break-lock/);
  t.measure(`${login}: refused`, `after ${(refused.ms / 1000).toFixed(1)} s`);

  killNow = true;
  const killed = await first;
  await writeFile(join(t.dir, 'cluster.yaml'), config);
  assert.ok(killed.killed, `${login}: the first run was over before it could be killed`);
  // The same work directory, carried to another place: what the first one made is gone on with.
  await rm(join(second, '.kubexm'), { recursive: true, force: true });
  await cp(join(t.dir, '.kubexm'), join(second, '.kubexm'), { recursive: true });
  const after = await t.kubexm(create, { cwd: second });
  assert.equal(after.exitCode, 0, `${login}: the second operator after the first was killed\n${after.stderr}`);
  t.measure(`${login}: the second operator, when the first was killed`, `done after ${(after.ms / 1000).toFixed(1)} s`);
  await rm(join(t.dir, '.kubexm'), { recursive: true, force: true });
  await cp(join(second, '.kubexm'), join(t.dir, '.kubexm'), { recursive: true });
}

/** The first one is in a script that takes long, when somebody says that it is hung. */
async function broken(t: ScenarioTools, { second, login }: Trial): Promise<void> {
  const config = await slowConfig(t, `to be broken, ${login}`);
  const first = t.kubexm(create);
  await inScript(t);
  const taker = await t.kubexm(['etcd', 'renew-certs', '--yes', '--break-lock'], { cwd: second });
  assert.equal(taker.exitCode, 0, `${login}: with --break-lock\n${taker.stderr}`);
  const stopped = await first;
  await writeFile(join(t.dir, 'cluster.yaml'), config);
  assert.equal(stopped.exitCode, 4, `${login}: the one whose lock was broken\n${stopped.stdout}\n${stopped.stderr}`);
  assert.match(stopped.stderr, /the lock of this run was broken on \S+: nothing new is started/);
  assert.match(stopped.stderr, /run the same command again/);
  const { events } = await t.journal({ graph: 'create-cluster' });
  const end = events.find((event) => event.type === 'run-finished');
  assert.ok(end && end.totals.cancelled > 0, `${login}: it went on all the same: ${JSON.stringify(end?.totals)}`);
  t.measure(
    `${login}: lock broken`,
    `the first one left ${end.totals.cancelled} jobs and ended with ${stopped.exitCode}`,
  );
  await t.kubexmOk(create);
}

/** Makes the next run take long before it changes anything; the config as it was. */
async function slowConfig(t: ScenarioTools, why: string): Promise<string> {
  const path = join(t.dir, 'cluster.yaml');
  const config = await readFile(path, 'utf8');
  const slow = parse(config) as { spec: { system?: object } };
  slow.spec.system = { ...slow.spec.system, preInstall: [`sleep 12 # ${why}`] };
  await writeFile(path, stringify(slow));
  return config;
}

async function inScript(t: ScenarioTools): Promise<void> {
  await t.eventually('the script of the first operator runs', async () =>
    acting((await t.journal()).events, '/pre-install-1'),
  );
}

async function configFor(t: ScenarioTools, second: string, { login }: Pick<Trial, 'login'>): Promise<void> {
  const path = await t.clusterYaml({ controlPlanes: 1, etcd: 1, login });
  await cp(path, join(second, 'cluster.yaml'));
}
