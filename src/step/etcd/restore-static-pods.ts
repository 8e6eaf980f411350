import { posix } from 'node:path';
import { etcdRestorePaths } from '../../common/etcd-restore.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { kubectl } from '../kube/kubectl.js';
import { restoreReports } from './restore.js';

/** Static pods that read or write etcd, or remember what was in it. `components`: names of manifests. */
export interface ParkStaticPods {
  readonly components: readonly string[];
}

const stopMs = 240_000;
const readyMs = 240_000;

/** Moves manifests out of the kubelet's sight and waits until the processes are really gone. */
export const parkStaticPods = defineStep<ParkStaticPods>({
  kind: 'etcd.restore-park',
  title: (p) => `Stop ${p.components.join(', ')}`,
  policy: { timeoutMs: stopMs + 60_000 },
  async precheck(ctx, p) {
    const [placed, alive] = await Promise.all([present(ctx, p.components, manifestPath), running(ctx, p.components)]);
    if (placed.length > 0) return needed(`${placed.join(', ')} has a manifest`);
    return alive.length > 0 ? needed(`${alive.join(', ')} still runs`) : satisfied('none has a manifest, none runs');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    for (const component of await present(ctx, p.components, manifestPath)) {
      const parked = parkedPath(component);
      // A copy that is whole before the original goes: the two may be on different disks.
      await host.run(
        sh`umask 077; mkdir -p ${posix.dirname(parked)} && cp -p ${manifestPath(component)} ${`${parked}.new`} && sync ${`${parked}.new`} && mv -f ${`${parked}.new`} ${parked} && rm -f ${manifestPath(component)}`,
        { signal },
      );
    }
    const answer = await pollUntil(
      async () => {
        const alive = await running(ctx, p.components);
        return { done: alive.length === 0, alive };
      },
      { timeoutMs: stopMs, intervalMs: 500, signal },
    );
    if (answer.done) return;
    throw new KubexmError(
      'WAIT_TIMEOUT',
      `${host.name}: ${answer.alive.join(', ')} does not end without its manifest`,
      {
        details: ['as long as an apiserver runs, no data is moved'],
        hint: `on ${host.name}: systemctl status kubelet; journalctl -u kubelet -n 50; then run the same command again`,
      },
    );
  },
});

/** Reads on a control plane which restore is half done, and whether a component's manifest is put aside for it. */
export const readRestoreMarker = defineStep<{ readonly component: string }>({
  kind: 'etcd.restore-read-marker',
  title: () => 'Look for a restore that is half done',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const text = await host.readFile(etcdRestorePaths.marker, { signal });
    const parked = (await present(ctx, [p.component], parkedPath)).length > 0;
    ctx.log('debug', restoreReports.marker, { marker: text === undefined ? null : (JSON.parse(text) as Json), parked });
    return satisfied('the host was asked');
  },
  run: () => Promise.resolve(),
});

/** `server`: of the host's own apiserver, waited for where it is one of the components. */
export const unparkStaticPods = defineStep<ParkStaticPods & { readonly server: string }>({
  kind: 'etcd.restore-unpark',
  title: (p) => `Bring back ${p.components.join(', ')}`,
  policy: { timeoutMs: readyMs + 60_000 },
  async precheck(ctx, p) {
    const parked = await present(ctx, p.components, parkedPath);
    if (parked.length > 0) return needed(`the manifest of ${parked.join(', ')} is put aside`);
    const because = await missing(ctx, p);
    return because === undefined ? satisfied('all of them run') : needed(because);
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    for (const component of await present(ctx, p.components, parkedPath)) {
      // From the directory above: the kubelet would start what lies beside the manifests.
      const staged = `${hostPaths.kubernetes}/${component}.yaml.kubexm`;
      await host.run(
        sh`cp -p ${parkedPath(component)} ${staged} && sync ${staged} && mv -f ${staged} ${manifestPath(component)} && rm -f ${parkedPath(component)}`,
        { signal },
      );
    }
    const answer = await pollUntil(
      async () => {
        const because = await missing(ctx, p);
        return { done: because === undefined, because };
      },
      { timeoutMs: readyMs, intervalMs: 500, signal },
    );
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `${host.name}: ${answer.because ?? ''}`, {
      hint: `on ${host.name}: journalctl -u kubelet -n 50, and the logs below /var/log/pods; then run the same command again`,
    });
  },
});

/** Why they do not all serve. */
async function missing(ctx: StepContext, p: ParkStaticPods & { readonly server: string }): Promise<string | undefined> {
  const { host, signal } = ctx;
  const wanted = await present(ctx, p.components, manifestPath);
  const alive = await running(ctx, wanted);
  const dead = wanted.filter((component) => !alive.includes(component));
  if (dead.length > 0) return `${dead.join(', ')} does not run`;
  if (!wanted.includes('kube-apiserver')) return undefined;
  const { exitCode, stderr } = await host.tryRun(kubectl([`--server=${p.server}`, 'get', '--raw=/readyz']), { signal });
  return exitCode === 0 ? undefined : `its apiserver is not ready: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

async function present(
  { host, signal }: StepContext,
  components: readonly string[],
  pathOf: (component: string) => string,
): Promise<readonly string[]> {
  const found = await host.statMany(components.map(pathOf), { signal });
  return components.filter((component) => found.has(pathOf(component)));
}

/**
 * By name and command line, whatever the container runtime. The kernel cuts names after 15 characters, so that others share
 * them; and others may have a component's name among their arguments.
 */
async function running({ host, signal }: StepContext, components: readonly string[]): Promise<readonly string[]> {
  if (components.length === 0) return [];
  const { stdout } = await host.run(
    sh`for c in ${components}; do for f in $(grep -slx "$(printf %.15s "$c")" /proc/[0-9]*/comm); do if grep -qszxE "([^ ]*/)?$c" "\${f%comm}cmdline"; then echo "$c"; break; fi; done; done; true`,
    { signal },
  );
  return stdout.split('\n').filter((line) => line !== '');
}

function manifestPath(component: string): string {
  return `${hostPaths.kubernetes}/manifests/${component}.yaml`;
}

function parkedPath(component: string): string {
  return `${etcdRestorePaths.manifests}/${component}.yaml`;
}
