import assert from 'node:assert/strict';
import { killLabHost } from '../../../lab/index.js';
import { probeApiAsOne } from './api-probe.js';
import type { ScenarioTools } from './tools.js';

const domain = 'lb.kubexm.local';

/** In the lab's network, and no host's. */
export const labAddress = '10.99.0.200';

/** Those of the hosts that have the virtual address now. */
export async function whoHas(t: ScenarioTools, hosts: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    hosts.map(async (host) => ((await t.onHost(host, 'ip -4 -o address')).includes(` ${labAddress}/`) ? [host] : [])),
  );
  return found.flat();
}

/** Addresses of the API's name in a host's /etc/hosts, in their order. */
export async function apiAddresses(t: ScenarioTools, host: string): Promise<readonly string[]> {
  const text = await t.onHost(host, 'cat /etc/hosts');
  return text.split('\n').flatMap((line) => (line.endsWith(` ${domain}`) ? [line.split(' ')[0] ?? ''] : []));
}

/** `longestGapMs` between two answers; `failed`: questions without one. */
export interface Seen {
  readonly host: string;
  readonly answered: number;
  readonly failed: number;
  readonly longestGapMs: number;
}

/**
 * Asks the API twice a second by its name, each time over a new connection, as the node itself: for so many seconds, from a node.
 * Nothing of kubexm or kubectl is in between.
 */
export async function askFromNode(
  t: ScenarioTools,
  host: string,
  { seconds, port = 6443 }: { readonly seconds: number; readonly port?: number },
): Promise<Seen> {
  const identity = '--cacert /etc/kubernetes/pki/ca.crt --cert /var/lib/kubelet/pki/kubelet-client-current.pem';
  const url = `https://${domain}:${port}/api/v1/nodes/${host}`;
  const script = `end=$(( $(date +%s) + ${seconds} )); while [ $(date +%s) -lt $end ]; do code=$(curl -s -o /dev/null -m 3 -w '%{http_code}' ${identity} ${url}); echo "$(date +%s%3N) $code"; sleep 0.5; done`;
  const lines = (await t.onHost(host, script, { timeoutMs: (seconds + 30) * 1000 })).trim().split('\n');
  const asked = lines.map((line) => line.split(' ').map(Number) as [number, number]);
  const answers = asked.filter(([, code]) => code === 200).map(([at]) => at);
  const ends = [...answers, asked.at(-1)?.[0] ?? 0];
  const gaps = ends.map((at, i) => at - (ends[i - 1] ?? asked[0]?.[0] ?? at));
  return {
    host,
    answered: answers.length,
    failed: asked.length - answers.length,
    longestGapMs: Math.max(0, ...gaps),
  };
}

interface Lease {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly renewTime: string };
}

/** How far apart the kubelets' own reports lie, over the connection that each of them keeps: longest gap by node, in ms. */
export async function watchLeases(
  t: ScenarioTools,
  { on, seconds }: { readonly on: string; readonly seconds: number },
): Promise<ReadonlyMap<string, number>> {
  const gaps = new Map<string, number>();
  const last = new Map<string, number>();
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const text = await t.kubectl('-n kube-node-lease get leases -o json', { on }).catch(() => '{"items":[]}');
    for (const { metadata, spec } of (JSON.parse(text) as { items: Lease[] }).items) {
      const at = Date.parse(spec.renewTime);
      gaps.set(metadata.name, Math.max(gaps.get(metadata.name) ?? 0, at - (last.get(metadata.name) ?? at)));
      last.set(metadata.name, at);
    }
    await t.sleep(1000);
  }
  // One that has not come back counts as well.
  for (const [name, at] of last) gaps.set(name, Math.max(gaps.get(name) ?? 0, Date.now() - at));
  return gaps;
}

/** Ends a control plane as if its power were cut, and measures what nodes and the control machine notice of it. */
export async function loseControlPlane(
  t: ScenarioTools,
  {
    victim,
    controlPlanes,
    askers,
    address,
    seconds = 45,
  }: {
    readonly victim: string;
    readonly controlPlanes: readonly string[];
    readonly askers: readonly string[];
    /** A virtual address that this machine asks as well. */
    readonly address?: string;
    readonly seconds?: number;
  },
): Promise<void> {
  const on = controlPlanes.find((name) => name !== victim) ?? '';
  const all = await probeApiAsOne(t, {
    cluster: 'lab',
    controlPlanes,
    on,
    ...(address === undefined ? {} : { address }),
  });
  const watching = Promise.all([
    Promise.all(askers.map((host) => askFromNode(t, host, { seconds }))),
    watchLeases(t, { on, seconds }),
  ]);
  await t.sleep(5000);
  await killLabHost(victim);
  const [seen, leases] = await watching;
  const machine = await all.stop();
  t.measure(
    `${victim} killed, the API from this machine${address === undefined ? '' : ' at the virtual address'}`,
    `longest gap ${inSeconds(machine.gapMs)}; ${machine.answers} answered, ${machine.failures} not`,
  );
  for (const { host, answered, failed, longestGapMs } of seen) {
    t.measure(
      `${victim} killed, the API by its name from ${host}`,
      `longest gap ${inSeconds(longestGapMs)}; ${answered} answered, ${failed} not`,
    );
    assert.ok(longestGapMs < 15_000, `${host} did not reach the API for ${inSeconds(longestGapMs)}`);
  }
  for (const [host, gap] of leases) {
    if (host === victim) continue;
    t.measure(`${victim} killed, reports of the kubelet of ${host}`, `longest gap ${inSeconds(gap)}`);
    assert.ok(gap < 40_000, `the kubelet of ${host} did not report for ${inSeconds(gap)}: its node is no more Ready`);
  }
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
