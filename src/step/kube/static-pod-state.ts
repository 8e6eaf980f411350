import { quote, type ShellCommand, script } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { crictl } from './crictl.js';
import { kubectl } from './kubectl.js';

/** `endpoint`: the CRI socket, `unix:///run/containerd/containerd.sock`. */
export interface StaticPod {
  readonly component: string;
  readonly nodeName: string;
  readonly manifest: string;
  readonly endpoint: string;
  /** Exits with 0 when it serves. Default: kubectl, which only control planes have, asks what its manifest's probe asks. */
  readonly ask?: ShellCommand;
}

/** `hopeless`: waiting longer brings nothing. */
interface PodState {
  readonly serves: boolean;
  readonly hopeless: boolean;
  readonly because: string;
}

interface Sandbox {
  readonly id: string;
  readonly state: string;
}

interface Container {
  readonly podSandboxId: string;
  readonly state: string;
  /** Nanoseconds since the epoch, of the host's clock. */
  readonly createdAt?: string | number;
  readonly metadata: { readonly attempt?: number };
}

/** A container that ended so often in its new pod does not recover by itself. */
const hopelessExits = 3;

/** Ids of the component's sandboxes that run. */
export async function readySandboxes(ctx: StepContext, { endpoint, component }: StaticPod): Promise<readonly string[]> {
  const args = ['pods', '--namespace', 'kube-system', '--label', `component=${component}`, '-o', 'json'];
  const { stdout } = await ctx.host.run(crictl(endpoint, args), { signal: ctx.signal });
  const { items = [] } = JSON.parse(stdout) as { items?: Sandbox[] };
  return items.filter(({ state }) => state === 'SANDBOX_READY').map(({ id }) => id);
}

/** When the component's running container was made, in seconds since the epoch of the host's clock; undefined where none runs. */
export async function containerStart(
  ctx: StepContext,
  { endpoint, component }: Pick<StaticPod, 'endpoint' | 'component'>,
): Promise<number | undefined> {
  const { stdout } = await ctx.host.run(crictl(endpoint, ['ps', '-a', '--name', `^${component}$`, '-o', 'json']), {
    signal: ctx.signal,
  });
  const { containers = [] } = JSON.parse(stdout) as { containers?: Container[] };
  const starts = containers
    .filter(({ state }) => state === 'CONTAINER_RUNNING')
    .map(({ createdAt }) => Number(createdAt) / 1e9);
  return starts.length === 0 ? undefined : Math.max(...starts);
}

/**
 * Whether the kubelet has made a new pod, its container runs, and the component answers its own probe. A sandbox belongs to one
 * pod, and a static pod with another manifest is another pod: a ready sandbox that was not there before is the new one.
 */
export async function lookAtPod(ctx: StepContext, pod: StaticPod, before: readonly string[]): Promise<PodState> {
  const waiting = (because: string): PodState => ({ serves: false, hopeless: false, because });
  const fresh = (await readySandboxes(ctx, pod)).filter((id) => !before.includes(id));
  if (fresh.length === 0) return waiting('the kubelet has not started its new pod');
  const { stdout } = await ctx.host.run(
    crictl(pod.endpoint, ['ps', '-a', '--name', `^${pod.component}$`, '-o', 'json']),
    { signal: ctx.signal },
  );
  const { containers = [] } = JSON.parse(stdout) as { containers?: Container[] };
  const own = containers.filter(({ podSandboxId }) => fresh.includes(podSandboxId));
  if (!own.some(({ state }) => state === 'CONTAINER_RUNNING')) {
    // The kubelet removes all but the last ended ones; attempts count from 0.
    const ended = own.filter(({ state }) => state === 'CONTAINER_EXITED');
    const exits = Math.max(0, ...ended.map(({ metadata }) => (metadata.attempt ?? 0) + 1));
    if (exits === 0) return waiting('its container was not started');
    return { serves: false, hopeless: exits >= hopelessExits, because: `its container ended ${exits} times` };
  }
  const { exitCode, stderr } = await ctx.host.tryRun(pod.ask ?? (await probe(pod)), { signal: ctx.signal });
  return exitCode === 0
    ? { serves: true, hopeless: false, because: '' }
    : waiting(`its probe says: ${stderr.trim().split('\n').at(-1) ?? ''}`);
}

interface Probe {
  readonly httpGet?: { readonly host?: string; readonly path?: string; readonly port?: number | string };
}

interface Manifest {
  readonly spec?: {
    readonly containers?: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
      readonly readinessProbe?: Probe;
      readonly livenessProbe?: Probe;
    }[];
  };
}

/** The readiness probe of the manifest, or its liveness probe, asked by kubectl: hosts need no curl. */
async function probe({ component, manifest }: StaticPod): Promise<ShellCommand> {
  const { parse } = await import('yaml');
  const container = (parse(manifest) as Manifest).spec?.containers?.[0];
  const { httpGet } = container?.readinessProbe ?? container?.livenessProbe ?? {};
  const { host = '127.0.0.1', path = '/healthz', port = 0 } = httpGet ?? {};
  // kubeadm names the port from 1.34 on.
  const number = container?.ports?.find(({ name }) => name === port)?.containerPort ?? port;
  const server = `--server=https://${host.includes(':') ? `[${host}]` : host}:${number}`;
  // The others serve with a certificate that they made themselves.
  const trust = component === 'kube-apiserver' ? [] : ['--insecure-skip-tls-verify'];
  return kubectl([server, ...trust, 'get', `--raw=${path}`]);
}

/** What the component, or else the kubelet, said last. */
export async function lastWords({ host, signal }: StepContext, { component, nodeName }: StaticPod): Promise<string[]> {
  const logs = `/var/log/pods/kube-system_${component}-${nodeName}_*/${component}/*.log`;
  const glob = logs.split('*').map(quote).join('*');
  // The newest of a container that ends again and again has said nothing yet.
  const newest = `file=$(for file in $(ls -t ${glob} 2>/dev/null); do if [ -s "$file" ]; then echo "$file"; break; fi; done)`;
  const { stdout } = await host.tryRun(
    script(
      `${newest}; if [ -n "$file" ]; then tail -n 8 "$file" | cut -d' ' -f4- | cut -c1-400; else journalctl -u kubelet -n 8 --no-pager -o cat | cut -c1-400; fi`,
    ),
    { signal },
  );
  return stdout.trim().split('\n').filter(Boolean);
}
