import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { kubectl } from './kubectl.js';

/** systemd starts a kubelet that ends again a second later: so many times tell that it cannot start. */
export const hopelessRestarts = 8;

interface KubeletState {
  readonly serves: boolean;
  readonly because: string;
  readonly pid: string;
  /** How often systemd has started it again by itself. */
  readonly restarts: number;
}

/**
 * Whether the kubelet runs, says that it is healthy, and, on a control plane, whether the API has seen its node Ready
 * since then. `config`: the text of its configuration; `since`: when it was restarted, in seconds of the host's clock.
 */
export async function lookAtKubelet(
  ctx: StepContext,
  {
    nodeName,
    config,
    since,
    askApi,
  }: { readonly nodeName: string; readonly config: string; readonly since: number; readonly askApi: boolean },
): Promise<KubeletState> {
  const { host, signal } = ctx;
  const shown = await host.run(sh`systemctl show -p ActiveState,MainPID,NRestarts kubelet.service`, { signal });
  const property = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(shown.stdout)?.[1] ?? '';
  const [active, pid, restarts] = [property('ActiveState'), property('MainPID'), Number(property('NRestarts') || 0)];
  const state = { pid, restarts };
  if (active !== 'active') return { ...state, serves: false, because: `its unit is ${active}` };
  const health = await healthOf(ctx, config);
  if (health !== undefined) return { ...state, serves: false, because: health };
  const seen = askApi ? await seenByApi(ctx, nodeName, since) : undefined;
  return { ...state, serves: seen === undefined, because: seen ?? '' };
}

/** Undefined where it is healthy, or where its configuration gives it no port to ask. Asked with nothing but bash. */
async function healthOf({ host, signal }: StepContext, config: string): Promise<string | undefined> {
  const { parse } = await import('yaml');
  const { healthzPort = 10248, healthzBindAddress = '127.0.0.1' } = (parse(config) ?? {}) as {
    healthzPort?: number;
    healthzBindAddress?: string;
  };
  if (healthzPort === 0) return undefined;
  const address = healthzBindAddress === '0.0.0.0' || healthzBindAddress === '::' ? '127.0.0.1' : healthzBindAddress;
  const ask = `exec 3<>/dev/tcp/${address}/${healthzPort}; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; timeout 5 head -n 1 <&3`;
  const { stdout } = await host.tryRun(sh`bash -c ${ask}`, { signal });
  return / 200 /.test(stdout)
    ? undefined
    : `its health check at ${address}:${healthzPort} says: ${stdout.trim() || 'nothing'}`;
}

interface ApiObject {
  readonly kind: string;
  readonly spec?: { readonly renewTime?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The node's lease, of the same clock, tells whether what the API says of it is older than the restart. */
async function seenByApi({ host, signal }: StepContext, nodeName: string, since: number): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await host.tryRun(
    kubectl(['-n', 'kube-node-lease', 'get', `node/${nodeName}`, `lease/${nodeName}`, '-o', 'json']),
    { signal },
  );
  if (exitCode !== 0) return `the API does not answer: ${stderr.trim().split('\n').at(-1) ?? ''}`;
  const { items } = JSON.parse(stdout) as { items: ApiObject[] };
  const renewed = Date.parse(items.find(({ kind }) => kind === 'Lease')?.spec?.renewTime ?? '') / 1000;
  const ready = items.find(({ kind }) => kind === 'Node')?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (!(renewed >= since)) return 'it has not renewed its lease with the API';
  return ready?.status === 'True' ? undefined : 'its node is not Ready';
}
