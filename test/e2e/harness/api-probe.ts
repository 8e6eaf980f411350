import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { endsWithScenario, type ScenarioTools, seconds } from './tools.js';

export interface ProbeResult {
  readonly host: string;
  readonly answers: number;
  readonly failures: number;
  /** The longest time between two answers, the beginning and the end of the probe included. */
  readonly gapMs: number;
}

/** Writes a ConfigMap through every one of these apiservers, ten times a second, until it is stopped. */
export async function probeApi(
  t: ScenarioTools,
  { cluster, controlPlanes }: { cluster: string; controlPlanes: readonly string[] },
): Promise<{ stop(): Promise<readonly ProbeResult[]> }> {
  const identity = await identityOf(t, cluster);
  for (const name of controlPlanes) await t.kubectl(`create configmap probe-${name}`);
  let stopped = false;
  const probes = controlPlanes.map(async (name): Promise<ProbeResult> => {
    const address = t.hosts.find((host) => host.name === name)?.address;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ...identity });
    let [answers, failures, gapMs, last] = [0, 0, 0, performance.now()];
    const answered = () => {
      gapMs = Math.max(gapMs, performance.now() - last);
      last = performance.now();
    };
    while (!stopped) {
      const url = `https://${address}:6443/api/v1/namespaces/default/configmaps/probe-${name}`;
      if (await patched(url, agent, JSON.stringify({ data: { at: String(Date.now()) } }))) {
        answers += 1;
        answered();
      } else failures += 1;
      await t.sleep(100);
    }
    answered();
    agent.destroy();
    return { host: name, answers, failures, gapMs };
  });
  endsWithScenario(t, Promise.all(probes), () => {
    stopped = true;
  });
  return {
    async stop() {
      stopped = true;
      const results = await Promise.all(probes);
      await t.kubectl(['delete', 'configmap', ...controlPlanes.map((name) => `probe-${name}`)]);
      return results;
    },
  };
}

/**
 * As a client behind a load balancer sees the API: ten times a second a write, through the apiserver that answered
 * last, and when that one does not, at once through the next. A failure is a request that none of them answered.
 */
export async function probeApiAsOne(
  t: ScenarioTools,
  {
    cluster,
    controlPlanes,
    address,
    on,
  }: {
    cluster: string;
    controlPlanes: readonly string[];
    /** The only one that is asked: a load balancer's, or a virtual one. */
    address?: string;
    /** A control plane that lives to the end. Default: the first. */
    on?: string;
  },
): Promise<{ stop(): Promise<ProbeResult> }> {
  const identity = await identityOf(t, cluster);
  const name = 'probe-as-one';
  const where = on === undefined ? {} : { on };
  await t.kubectl(`create configmap ${name}`, where);
  const addresses =
    address === undefined
      ? controlPlanes.map((host) => t.hosts.find((each) => each.name === host)?.address ?? '')
      : [address];
  const servers = addresses.map((each) => ({
    address: each,
    agent: new Agent({ keepAlive: true, maxSockets: 1, ...identity }),
  }));
  let stopped = false;
  const probing = (async (): Promise<ProbeResult> => {
    let [answers, failures, gapMs, last, current] = [0, 0, 0, performance.now(), 0];
    const ask = async (): Promise<boolean> => {
      for (let tried = 0; tried < servers.length; tried += 1) {
        const server = servers[current];
        const url = `https://${server?.address}:6443/api/v1/namespaces/default/configmaps/${name}`;
        if (server && (await patched(url, server.agent, JSON.stringify({ data: { at: String(Date.now()) } }))))
          return true;
        current = (current + 1) % servers.length;
      }
      return false;
    };
    while (!stopped) {
      if (await ask()) {
        answers += 1;
        gapMs = Math.max(gapMs, performance.now() - last);
        last = performance.now();
      } else failures += 1;
      await t.sleep(100);
    }
    for (const { agent } of servers) agent.destroy();
    return { host: 'any', answers, failures, gapMs: Math.max(gapMs, performance.now() - last) };
  })();
  endsWithScenario(t, probing, () => {
    stopped = true;
  });
  return {
    async stop() {
      stopped = true;
      const result = await probing;
      await t.kubectl(`delete configmap ${name}`, where);
      return result;
    },
  };
}

/** Does something while a client behind a load balancer, and one of each apiserver alone, write ten times a second. */
export async function underProbes<T>(
  t: ScenarioTools,
  controlPlanes: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const each = await probeApi(t, { cluster: 'lab', controlPlanes });
  const one = await probeApiAsOne(t, { cluster: 'lab', controlPlanes });
  const result = await work();
  const { answers, failures, gapMs } = await one.stop();
  t.measure('the API', `longest gap ${seconds(gapMs)}; ${answers} answered, ${failures} not`);
  for (const alone of await each.stop()) t.measure(`${alone.host} alone`, `longest gap ${seconds(alone.gapMs)}`);
  assert.equal(failures, 0, 'requests that no apiserver answered');
  return result;
}

async function identityOf(t: ScenarioTools, cluster: string) {
  const certs = join(t.dir, '.kubexm', cluster, 'certs/kubernetes');
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(join(certs, name))),
  );
  return ca && cert && key ? { ca, cert, key } : {};
}

function patched(url: string, agent: Agent, body: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const asked = request(url, { method: 'PATCH', agent, headers, timeout: 2000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end(body);
  });
}
