import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Cluster } from '../../src/apis/kubexms/v1alpha1/index.js';
import { findingsReader } from '../../src/cli/findings.js';
import { type EngineEvent, runGraph } from '../../src/engine/index.js';
import {
  addNodesToCluster,
  adoptionOf,
  adoptionOfCluster,
  type ClusterGraph,
  createCluster,
  graphToJson,
} from '../../src/pipeline/index.js';
import { CONTROL_NODE } from '../../src/plan/index.js';
import { artifactIndex } from '../../src/resource/index.js';
import type { FakeFileInit, HostRunner } from '../../src/runner/index.js';
import { errorReport } from '../../src/runtime/error-report.js';
import { secretsOfPlans } from '../../src/runtime/secret-source.js';
import { templateReader } from '../../src/runtime/templates.js';
import { createWorkDirs } from '../../src/runtime/work-dirs.js';
import { type Secret, secretResolver } from '../../src/secrets/index.js';
import { generateCACert, importSigned, stepFromData, writeRequests } from '../../src/step/index.js';
import { runStep } from '../../src/step/local-step.fixture.js';
import { certificatesSignedElsewhere, type PlanContext } from '../../src/task/index.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { type FakeCluster, fakeCluster } from './fake-cluster.js';

const examples = [...exampleClusters()];
const planOf = (text: string) => createCluster.plan(planContext(clusterOf(text)));

describe.each(examples)('the plan of %s', (_, text) => {
  test('is the same whenever and however often it is made', () => {
    const before = JSON.stringify(graphToJson(planOf(text)));
    vi.useFakeTimers({ now: new Date('2031-05-06T07:08:09Z') });
    const random = vi.spyOn(Math, 'random');
    try {
      expect(JSON.stringify(graphToJson(planOf(text)))).toBe(before);
      expect(random).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
      random.mockRestore();
    }
  });

  test('can be read back from its JSON, step by step', () => {
    const graph = planOf(text);
    const saved = JSON.parse(JSON.stringify(graphToJson(graph))) as ReturnType<typeof graphToJson>;
    const jobs = saved.nodes.flatMap((node) => node.jobs);
    expect(jobs.length).toBeGreaterThan(50);
    const steps = graph.nodes.flatMap((node) => node.jobs.map((job) => job.step));
    for (const [index, job] of jobs.entries()) {
      const { kind, title, params, uses, writes, policy, recheck } = stepFromData(job);
      expect({ kind, title, params, uses, writes, policy, recheck }).toEqual({
        kind: steps[index]?.kind,
        title: steps[index]?.title,
        params: steps[index]?.params,
        uses: steps[index]?.uses,
        writes: steps[index]?.writes,
        policy: steps[index]?.policy,
        recheck: steps[index]?.recheck,
      });
    }
  });

  test('changes no host before all of preflight is through', () => {
    const graph = planOf(text);
    const isPreflight = (id: string) => id.startsWith('create-cluster/preflight/') || id.startsWith('/resource/');
    const gate = graph.nodes.filter(({ id }) => isPreflight(id)).map(({ id }) => id);
    expect(gate.length).toBeGreaterThan(5);
    // Only a barrier makes a host wait for what other hosts, and the control machine, have to do.
    const behind = new Map<string, Set<string>>();
    for (const { id, after } of graph.nodes) {
      const passed = after.flatMap(({ node, kind }) => [
        ...(kind === 'barrier' ? [node] : []),
        ...(behind.get(node) ?? []),
      ]);
      behind.set(id, new Set(passed));
    }
    const changing = graph.nodes.filter(
      ({ id, jobs }) => !isPreflight(id) && jobs.some(({ host }) => host !== CONTROL_NODE),
    );
    expect(changing.length).toBeGreaterThan(30);
    for (const { id } of changing) expect([id, gate.filter((node) => !behind.get(id)?.has(node))]).toEqual([id, []]);
  });

  test('holds references to secrets, and no secret', () => {
    const cluster = clusterOf(text);
    const json = JSON.stringify(graphToJson(planOf(text)));
    // A bootstrap token, a key, a password of the config.
    expect(json).not.toMatch(/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/);
    expect(json).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY/);
    expect(json).toContain('$secret');
    for (const host of cluster.spec.hosts) {
      expect(json).not.toContain('sudoPassword');
      if (host.login.type === 'privateKey') expect(json).not.toContain(host.login.path);
    }
  });
});

interface Trial {
  readonly ctx: PlanContext;
  readonly fake: FakeCluster;
  readonly events: EngineEvent[];
  /** Secrets that were looked up in runs. */
  readonly secrets: Secret[];
  /** `drift`: checks also what waits for a change. `plan`: default that of `cluster create`. */
  run(mode: 'apply' | 'check' | 'drift', plan?: ClusterGraph): ReturnType<typeof runGraph>;
}

/** A cluster on machines in memory; only the control machine's files are real ones. */
async function trialOf(
  example: string,
  certsIn: (cwd: string) => Partial<Cluster['spec']['certs']> = () => ({}),
): Promise<Trial> {
  const text = exampleClusters().get(example);
  if (text === undefined) throw new Error(`there is no example ${example}`);
  const cwd = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const localFiles: Record<string, FakeFileInit> = {};
  const read = clusterOf(text);
  const cluster = { ...read, spec: { ...read.spec, certs: { ...read.spec.certs, ...certsIn(cwd) } } };
  const bare = planContext(cluster, { cwd });
  const artifacts = createCluster
    .plan(bare)
    .nodes.flatMap(({ id, jobs }) =>
      id.startsWith('/resource/') ? jobs.map(({ step }) => ({ key: id.slice('/resource/'.length), step })) : [],
    );
  const digest = (index: number) => String(index).padStart(64, 'd');
  for (const [index, { step }] of artifacts.entries()) {
    const { target } = step.params as { target: string };
    localFiles[target] = { content: target, sha256: digest(index) };
  }
  const ctx = planContext(cluster, {
    cwd,
    artifacts: artifactIndex({
      states: new Map(
        artifacts.map(({ key }, index) => [
          key,
          { state: 'verified', sha256: digest(index), from: 'the test' } as const,
        ]),
      ),
    }),
  });
  await createWorkDirs(ctx.workDirs, []);
  // Made once, as a saved plan is: applied again, it still has to know what it made the first time.
  const graph = createCluster.plan(ctx);
  const fake = fakeCluster(ctx, localFiles);
  const events: EngineEvent[] = [];
  const secrets: Secret[] = [];
  const template = templateReader(undefined);
  const secret = secretsOfPlans({
    cluster: ctx.cluster,
    resolver: secretResolver({ warn: () => {} }),
    onSecret: (each) => void secrets.push(each),
  });
  // Local steps ask the control machine for its name and nothing else.
  const controlNode = { name: CONTROL_NODE } as HostRunner;
  return {
    ctx,
    fake,
    events,
    secrets,
    run: (mode, plan = graph) =>
      runGraph(plan, {
        mode: mode === 'drift' ? 'check' : mode,
        beyond: mode === 'drift',
        limits: {
          perHost: 8,
          named: {
            upload: 8,
            download: 4,
            'image-pull': 8,
            'kubeadm-join': 10,
            'control-plane-join': 1,
            'etcd-membership': 1,
            'control-plane-change': 1,
            'kubelet-restart': 10,
            'runtime-change': 10,
          },
        },
        emit: (event) => void events.push(event),
        report: (error) => errorReport(error, (line) => line),
        createContext: (tools) => {
          const host = tools.host === CONTROL_NODE ? controlNode : fake.hosts.get(tools.host);
          if (!host) throw new Error(`no host ${tools.host}`);
          return {
            host,
            signal: tools.signal,
            progress: (done, total, unit) => tools.progress(done, total, unit),
            log: (level, message, data) => tools.log(level, message, data),
            read: (output) => tools.read(output),
            write: (output, value) => tools.write(output, value),
            secret,
            template,
          };
        },
      }),
  };
}

/** What the steps of the runs since have told. */
const findingsOf = (events: readonly EngineEvent[]) => {
  const found = findingsReader();
  for (const event of events) found.read(event);
  return found.findings();
};

const failuresOf = ({ jobs }: Awaited<ReturnType<typeof runGraph>>) =>
  jobs.flatMap(({ node, host, outcome }) => (outcome.state === 'failed' ? [{ node, host, error: outcome.error }] : []));

test.each(['single-node', 'one-control-plane', 'ha-stacked-etcd', 'ha-separate-etcd'])(
  'checked on fresh hosts, %s would change all and changes nothing',
  async (example) => {
    const { fake, run } = await trialOf(example);
    const result = await run('check');
    expect(failuresOf(result)).toEqual([]);
    expect(result.totals.wouldChange).toBeGreaterThan(10);
    expect(result.totals.waits).toBeGreaterThan(10);
    expect(result.totals.changed).toBe(0);
    for (const host of fake.hosts.values()) {
      expect(host.operations.filter((text) => /^(writeFile|upload|remove)/.test(text))).toEqual([]);
    }
    expect(fake.kubeadm).toEqual([]);
  },
);

test.each(['single-node', 'one-control-plane', 'ha-stacked-etcd', 'ha-separate-etcd'])(
  'applied to fresh hosts, %s comes up; applied again, there is nothing to do',
  async (example) => {
    const { ctx, fake, events, secrets, run } = await trialOf(example);
    const first = await run('apply');
    expect(failuresOf(first)).toEqual([]);
    expect(first.state).toBe('done');
    const { roleGroups } = ctx.cluster.spec;
    const nodes = new Set([...roleGroups['control-plane'], ...roleGroups.worker]);
    expect([...fake.nodes].toSorted()).toEqual([...nodes].toSorted());
    expect(fake.kubeadm[0]).toBe(`${roleGroups['control-plane'][0]}: init`);
    expect(fake.kubeadm.filter((call) => call.endsWith(': join'))).toHaveLength(nodes.size - 1);

    const changedAgain = (await run('apply')).jobs.filter(({ outcome }) => outcome.state !== 'satisfied');
    expect(changedAgain).toEqual([]);

    expect(secrets.length).toBeGreaterThan(0);
    const token = (await readFile(join(ctx.workDirs.getCertsDir('kubernetes'), 'bootstrap-token'), 'utf8')).trim();
    const told = JSON.stringify([graphToJson(createCluster.plan(ctx)), events]);
    expect(told).not.toContain(token.split('.')[1]);
    expect(told).not.toContain('PRIVATE KEY');
    for (const host of fake.hosts.values()) expect(host.operations.join('\n')).not.toContain(token.split('.')[1]);
  },
  60_000,
);

test('of a running cluster all that differs is found at once, and nothing else', async () => {
  const { fake, run } = await trialOf('ha-stacked-etcd');
  expect(failuresOf(await run('apply'))).toEqual([]);
  const changed = [
    ['m1', '/etc/sysctl.d/99-kubexm.conf'],
    ['m2', '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf'],
    ['w1', '/etc/crictl.yaml'],
    // What it runs with is written on its stamp: put back, it is no reason to restart.
    ['w2', '/etc/containerd/config.toml'],
  ] as const;
  for (const [host, path] of changed) {
    const { files } = fake.hosts.get(host) ?? {};
    expect(files?.has(path)).toBe(true);
    files?.put(path, 'of another hand');
  }
  const { jobs, totals } = await run('drift');
  const found = jobs.filter(({ outcome }) => outcome.state === 'would-change').map(({ node, host }) => [host, node]);
  expect(found.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
    ['m1', expect.stringContaining('sysctl')],
    ['m2', expect.stringMatching(/reconcile-kubelets?\/m2$/)],
    ['m2', expect.stringMatching(/install-kubernetes-binaries\/write-drop-in$/)],
    ['w1', expect.stringContaining('crictl')],
    ['w2', expect.stringMatching(/containerd\/[\w-]*config$/)],
  ]);
  expect(totals).toMatchObject({ changed: 0, failed: 0 });
}, 60_000);

test('a worker that is added to a running cluster comes up; one control plane is asked, and no other host', async () => {
  const { ctx, fake, run } = await trialOf('ha-stacked-etcd');
  const { spec } = ctx.cluster;
  const { 'control-plane': controlPlanes, worker: workers } = spec.roleGroups;
  const added = workers.at(-1) ?? '';
  const roleGroups = { ...spec.roleGroups, worker: workers.slice(0, -1) };
  const before = createCluster.plan({ ...ctx, cluster: { ...ctx.cluster, spec: { ...spec, roleGroups } } });
  expect(failuresOf(await run('apply', before))).toEqual([]);
  expect(fake.nodes.has(added)).toBe(false);

  const facts = new Map(
    [...controlPlanes, added].flatMap((host) => {
      const found = ctx.facts.get(host);
      const leftovers = host === added ? [] : ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf'];
      return found ? [[host, { ...found, leftovers }] as const] : [];
    }),
  );
  const plan = addNodesToCluster({ hosts: [added] }).plan({ ...ctx, facts });
  const result = await run('apply', plan);
  expect(failuresOf(result)).toEqual([]);
  expect(fake.nodes.has(added)).toBe(true);
  const asked = new Set(result.jobs.map(({ host }) => host).filter((host) => host !== CONTROL_NODE));
  expect([...asked].toSorted()).toEqual([controlPlanes[0], added]);
  const changed = (await run('apply', plan)).jobs.filter(({ outcome }) => outcome.state !== 'satisfied');
  expect(changed).toEqual([]);
}, 60_000);

test('with a CA whose key is elsewhere a cluster comes up from what was signed for it, and from nothing else', async () => {
  const signer = (cwd: string) => ({ cert: join(cwd, 'company.crt'), key: join(cwd, 'company.key') });
  const { ctx, fake, run } = await trialOf('ha-stacked-etcd', (cwd) => ({ ca: { certFile: signer(cwd).cert } }));
  const cwd = join(ctx.workDirs.generateWorkDir, '..');
  const company = signer(cwd);
  await runStep(generateCACert({ files: company, subject: { commonName: 'company' } }));

  const refused = await run('apply');
  const failures = failuresOf(refused);
  expect([...new Set(failures.map(({ error }) => error.code)), fake.kubeadm]).toEqual(['GUARD_REFUSED', []]);
  // Once, with all that is missing.
  expect(failures.map(({ node }) => node)).toEqual([expect.stringMatching(/^create-cluster\/preflight\//) as string]);
  const [failure] = failures;
  expect(failure?.error.details).toContain('kubelet of w1: there is none yet');
  expect(failure?.error.hint).toContain('kubexm certs csr DIR');
  for (const host of fake.hosts.values())
    expect(host.operations.filter((text) => /^(writeFile|upload|remove)/.test(text))).toEqual([]);

  const certificates = certificatesSignedElsewhere(ctx);
  const directory = join(cwd, 'requests');
  for (const { host, name } of await writeRequests({ certificates, directory, cluster: 'prod', withinDays: 30 })) {
    const file = join(directory, host, name);
    const by = ['-CA', company.cert, '-CAkey', company.key, '-days', '90', '-copy_extensions', 'copyall'];
    await promisify(execFile)('openssl', ['x509', '-req', '-in', `${file}.csr`, ...by, '-out', `${file}.crt`]);
  }
  const { stored } = await importSigned({ certificates, directory, minDays: 30 });
  expect(stored).toHaveLength(certificates.length);

  // Ended between what it was given and what kubeadm makes of it, a join is begun again.
  const { roleGroups } = ctx.cluster.spec;
  const halfway = ['m3', 'w1'];
  for (const host of halfway) fake.broken.add(host);
  const ended = failuresOf(await run('apply')).map(({ host, node }) => `${host} ${/kubeadm-join/.test(node)}`);
  expect(ended.toSorted()).toEqual(halfway.map((host) => `${host} true`));
  fake.broken.clear();
  const traces = ['/etc/kubernetes/admin.conf', '/etc/kubernetes/kubelet.conf'];
  const facts = new Map(
    [...ctx.facts].map(([host, found]) => {
      const { files } = fake.hosts.get(host) ?? {};
      return [host, { ...found, leftovers: traces.filter((path) => files?.has(path) === true) }] as const;
    }),
  );
  expect(halfway.map((host) => facts.get(host)?.leftovers.length)).toEqual([2, 1]);
  expect(failuresOf(await run('apply', createCluster.plan({ ...ctx, facts })))).toEqual([]);
  expect(failuresOf(await run('apply'))).toEqual([]);
  expect(fake.nodes.size).toBe(new Set([...roleGroups['control-plane'], ...roleGroups.worker]).size);
  for (const host of roleGroups['control-plane']) {
    const { files } = fake.hosts.get(host) ?? {};
    expect([files?.has('/etc/kubernetes/pki/ca.crt'), files?.has('/etc/kubernetes/pki/ca.key')]).toEqual([true, false]);
  }
  expect((await run('apply')).jobs.filter(({ outcome }) => outcome.state !== 'satisfied')).toEqual([]);
}, 60_000);

test('a cluster that encrypts is adopted into an empty work directory: the keys come back, and nobody is told them', async () => {
  const { ctx, fake, events, run } = await trialOf('hardened');
  expect(failuresOf(await run('apply'))).toEqual([]);
  const keyFile = join(ctx.workDirs.getCertsDir('kubernetes'), 'encryption-keys.json');
  const keys = await readFile(keyFile, 'utf8');
  await rm(join(ctx.workDirs.getCertsDir('kubernetes'), '..'), { recursive: true });
  await createWorkDirs(ctx.workDirs, []);
  const leftovers = ['/etc/kubernetes/admin.conf', '/etc/kubernetes/encryption/config.yaml'];
  for (const host of fake.hosts.values())
    host.files.put('/etc/kubernetes/manifests/kube-apiserver.yaml', `- --encryption-provider-config=${leftovers[1]}`);
  const running = { ...ctx, facts: new Map([...ctx.facts].map(([name, facts]) => [name, { ...facts, leftovers }])) };

  const look = async () => {
    events.length = 0;
    await run('check', adoptionOf.pipeline.plan(running));
    return adoptionOf.interpret(running, findingsOf(events));
  };
  const [, m2, m3] = fake.hosts.values();
  const [, file = ''] = leftovers;
  const whole = m2?.files.get(file)?.content.toString() ?? '';
  m2?.files.put(file, 'resources: [{ resources: [secrets], providers: [{ kms: { name: vault } }] }]');
  m3?.files.put(file, { type: 'directory' });
  const strange = await look();
  expect(() => adoptionOfCluster(strange).plan(running)).toThrow(
    expect.objectContaining({
      code: 'GUARD_REFUSED',
      details: [expect.stringMatching(/^m3: .* is not known: /), expect.stringMatching(/^m2: .*provider "kms"/)],
    }),
  );
  for (const host of [m2, m3]) host?.files.put(file, whole);

  const observed = await look();
  const plan = adoptionOfCluster(observed).plan(running);
  expect(failuresOf(await run('apply', plan))).toEqual([]);
  expect(await readFile(keyFile, 'utf8')).toBe(keys);
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  const again = (await run('apply', plan)).jobs.filter(({ outcome }) => outcome.state !== 'satisfied');
  expect(again).toEqual([]);

  const { secret } = (JSON.parse(keys) as { keys: [{ secret: string }] }).keys[0];
  expect(whole).toContain(secret);
  const operations = [...fake.hosts.values()].flatMap((host) => host.operations);
  expect(JSON.stringify([graphToJson(plan), observed, events, operations])).not.toContain(secret);
}, 60_000);
