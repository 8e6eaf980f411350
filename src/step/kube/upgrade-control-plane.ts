import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { refuseLostKeys } from './foreign-keys.js';
import { documentsText, type KubeadmDocument, staticPodInputs } from './kubeadm-documents.js';
import { awaitKubeadm, kubeadmAtWork, runKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';
import { keepServingChain, servingChain } from './serving-chain.js';
import { reconcileStaticPods, staticPodsDiffer } from './static-pods.js';
import { upgradeArguments } from './upgrade-arguments.js';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

const apiserverManifest = `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`;

/**
 * `to`: with v; its kubeadm is in place. `first`: this host speaks for the cluster, and the others follow what it has put into
 * it. `documents`: kubeadm's configuration of this host as of `to`.
 */
export interface UpgradeControlPlane {
  readonly nodeName: string;
  readonly to: string;
  readonly first: boolean;
  readonly certificateRenewal: boolean;
  /** Names of kubeadm's checks that are only warnings in this cluster. */
  readonly ignorePreflightErrors?: readonly string[];
  /** Names of kubeadm's phases that others do instead. */
  readonly skipPhases?: readonly string[];
  readonly documents: readonly KubeadmDocument[];
}

/**
 * Takes the static pods of one control plane host to another version. kubeadm replaces one after the other, waits for each,
 * and puts all back where one does not come up. It runs apart from kubexm; a run that was killed waits for it and goes on.
 */
export const upgradeControlPlane = defineStep<UpgradeControlPlane>({
  kind: 'kubeadm.upgrade',
  title: (p) => `Upgrade the control plane of ${p.nodeName} to ${p.to}`,
  uses: ['control-plane-change'],
  policy: { timeoutMs: 1_800_000 },
  async precheck(ctx, p) {
    if (await kubeadmAtWork(ctx)) return needed('kubeadm of an earlier run is still at work');
    const live = await ctx.host.readFile(apiserverManifest, { signal: ctx.signal });
    refuseLostKeys(ctx.host.name, { live: live ?? '', documents: p.documents });
    const open = await unfinished(ctx, p);
    if (open !== undefined) return needed(open);
    const differs = await staticPodsDiffer(ctx, staticPodInputs(p.documents));
    return differs === undefined ? satisfied(`runs ${p.to}`) : needed(`runs ${p.to}; ${differs}`);
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    if ((await unfinished(ctx, p)) !== undefined) {
      await requireServingApi(ctx, p);
      const chain = await servingChain(ctx);
      const { args, document } = upgradeArguments({ ...p, verb: p.first ? 'apply' : 'node' });
      await runKubeadm(ctx, {
        args,
        ...(document === undefined ? {} : { configuration: new Secret(await documentsText([document])) }),
        log: 'kubeadm-upgrade.log',
      });
      await keepServingChain(ctx, chain);
      const left = await unfinished(ctx, p);
      if (left !== undefined) {
        throw new KubexmError('COMMAND_FAILED', `${ctx.host.name}: kubeadm ended well, but ${left}`, {
          hint: `on ${ctx.host.name}: less ${hostPaths.log}/kubeadm-upgrade.log`,
          retryable: false,
        });
      }
    }
    // What the config says and kubeadm left as it was; and the note that `cluster create` looks at.
    await reconcileStaticPods({ nodeName: p.nodeName, documents: p.documents }).run(ctx, undefined);
  },
});

/** What is still to be upgraded on this host, in words; undefined where all is done. */
async function unfinished(ctx: StepContext, { to, first }: UpgradeControlPlane): Promise<string | undefined> {
  const { host, signal } = ctx;
  const directory = `${hostPaths.kubernetes}/manifests`;
  const { stdout } = await host.run(
    sh`cd ${directory} && grep -ohE ${'image: *\\S+/kube-[a-z-]+:v[^ @"]+'} kube-apiserver.yaml kube-controller-manager.yaml kube-scheduler.yaml`,
    { signal },
  );
  const running = new Map(
    [...stdout.matchAll(/\/(kube-[a-z-]+):(v\S+)$/gm)].map(([, name = '', version = '']) => [name, version]),
  );
  const old = components.find((name) => running.get(name) !== to);
  if (old !== undefined) return `${old} is ${running.get(old) ?? 'not there'}`;
  if (!first) return undefined;
  const config = await host.run(
    kubectl(['-n', 'kube-system', 'get', 'configmap/kubeadm-config', '-o', 'jsonpath={.data.ClusterConfiguration}']),
    { signal },
  );
  const told = /^kubernetesVersion: *"?(v[^"\s]+)/m.exec(config.stdout)?.[1];
  return told === to ? undefined : `the cluster's configuration says ${told ?? 'nothing'}`;
}

/** A control plane is not taken down while the others do not serve. */
async function requireServingApi({ host, signal }: StepContext, { nodeName }: UpgradeControlPlane): Promise<void> {
  const { exitCode, stderr } = await host.tryRun(kubectl(['get', '--raw=/readyz']), { signal });
  if (exitCode === 0) return;
  throw new KubexmError('GUARD_REFUSED', `the control plane of ${nodeName} is not touched: the API is not ready`, {
    details: [stderr.trim().split('\n').at(-1) ?? ''],
    hint: 'kubexm cluster status; when the API serves, the same command goes on where it stopped',
    retryable: false,
  });
}
