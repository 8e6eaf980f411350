import { KubexmError } from '../../errors/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { crictl } from './crictl.js';

/** `endpoint`: the CRI socket; `domain`: the API's name. */
export interface RefreshPodHosts {
  readonly endpoint: string;
  readonly domain: string;
}

interface Sandbox {
  readonly id: string;
  readonly state: string;
  readonly metadata: { readonly uid: string };
}

/**
 * A pod of the host's network gets a copy of /etc/hosts when its containers start. kube-proxy is the one that looks the API's
 * name up: where its copy has other addresses than the host has now, its containers start anew. Its rules stay meanwhile.
 */
export const refreshPodHosts = defineStep<RefreshPodHosts, readonly string[]>({
  kind: 'kube.pod-hosts',
  title: (p) => `Let kube-proxy know where ${p.domain} is`,
  uses: ['kubelet-restart'],
  async precheck(ctx, p) {
    const stale = await staleSandboxes(ctx, p);
    return stale.length === 0
      ? satisfied('it has the addresses that the host has, or does not run here')
      : needed('it started with other addresses than the host has now', stale);
  },
  async run(ctx, p, stale) {
    const { host, signal } = ctx;
    for (const id of stale) await host.run(crictl(p.endpoint, ['stopp', id]), { signal, long: true });
    const answer = await pollUntil(
      async () => {
        const ready = await readyProxies(ctx, p);
        return { done: ready.length > 0 && (await staleSandboxes(ctx, p)).length === 0 };
      },
      { timeoutMs: 90_000, intervalMs: 250, signal },
    );
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `${host.name}: kube-proxy does not come back with the new addresses`, {
      hint: `on ${host.name}: crictl ps -a --name kube-proxy; journalctl -u kubelet -n 50; then run the same command again`,
    });
  },
});

async function staleSandboxes(ctx: StepContext, p: RefreshPodHosts): Promise<string[]> {
  const { host, signal } = ctx;
  const ready = await readyProxies(ctx, p);
  if (ready.length === 0) return [];
  const wanted = addressesOf((await host.readFile('/etc/hosts', { signal })) ?? '', p.domain);
  const copies = await Promise.all(
    ready.map(async ({ id, metadata }) => {
      const copy = await host.readFile(`/var/lib/kubelet/pods/${metadata.uid}/etc-hosts`, { signal });
      // Not written yet: its containers have not started.
      return { id, isStale: copy !== undefined && addressesOf(copy, p.domain) !== wanted };
    }),
  );
  return copies.filter(({ isStale }) => isStale).map(({ id }) => id);
}

async function readyProxies({ host, signal }: StepContext, { endpoint }: RefreshPodHosts): Promise<readonly Sandbox[]> {
  const args = ['pods', '--namespace', 'kube-system', '--label', 'k8s-app=kube-proxy', '-o', 'json'];
  const { stdout } = await host.run(crictl(endpoint, args), { signal });
  const { items = [] } = JSON.parse(stdout) as { items?: Sandbox[] };
  return items.filter(({ state }) => state === 'SANDBOX_READY');
}

/** In the order of the file, which is the order in which they are tried: `127.0.0.1 10.0.0.11`. */
function addressesOf(text: string, domain: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([, ...names]) => names.includes(domain))
    .map(([address]) => address)
    .join(' ');
}
