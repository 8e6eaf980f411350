import { readFile } from 'node:fs/promises';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { Secret } from '../../secrets/index.js';
import { pollUntil } from '../../util/poll.js';
import type { SecretRef, StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { type HostKubeconfig, hostKubeconfig } from '../pki/host-kubeconfig.js';
import { noteConfigMaps } from './config-maps.js';
import { existing, joinBegun, joinMarker, joinState } from './join-state.js';
import {
  documentsText,
  type KubeadmDocument,
  kubeletInputs,
  staticPodInputs,
  withoutTokens,
} from './kubeadm-documents.js';
import { awaitKubeadm, kubeadmAtWork, runKubeadm } from './kubeadm-unit.js';
import { kubectl } from './kubectl.js';
import { stampKubelet } from './kubelet.js';
import { type KubeletCredentials, placeKubeletCredentials } from './kubelet-client.js';
import { putBackUnseen, stampStaticPods } from './static-pods.js';

const initMarker = '/var/lib/kubexm/kubeadm-init.done';
/** Lies on a tmpfs; holds the CA and an address, nothing secret. `joinDocuments` names it. */
export const discoveryFile = '/run/kubexm/discovery.conf';

/** Everything that an earlier, interrupted init or join has made, and that kubeadm would take for a foreign cluster. */
const ownTraces = [
  'FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml',
  'FileAvailable--etc-kubernetes-kubelet.conf',
  'FileAvailable--etc-kubernetes-bootstrap-kubelet.conf',
  'FileAvailable--etc-kubernetes-pki-ca.crt',
  'DirAvailable--etc-kubernetes-manifests',
  'Port-6443',
  'Port-10250',
  'Port-10257',
  'Port-10259',
];

/** `documents` are kubeadm's configuration; `$token` in its bootstrap token's place is filled in at run time. */
export interface KubeadmInit {
  readonly nodeName: string;
  readonly documents: readonly KubeadmDocument[];
  readonly token: SecretRef;
  /** Names of kubeadm's preflight checks that are only warnings on these hosts. */
  readonly ignorePreflightErrors: readonly string[];
  /** Where the CA's key is not there to sign them. */
  readonly credentials?: NodeCredentials;
}

/**
 * What kubeadm finds, and what the kubelet then does not ask for. `administrator`: of control planes. A host that has it counts
 * as one, so that it comes as late as kubeadm would write it.
 */
export interface NodeCredentials {
  readonly kubelet: Omit<KubeletCredentials, 'nodeName'>;
  readonly administrator?: HostKubeconfig;
}

/** Makes the first control plane. Continues a half-made one: every phase of `kubeadm init` takes what is there. */
export const kubeadmInit = defineStep<KubeadmInit>({
  kind: 'kubeadm.init',
  title: (p) => `Initialise the control plane on ${p.nodeName}`,
  uses: ['control-plane-join'],
  policy: { timeoutMs: 600_000 },
  recheck: false,
  async precheck(ctx) {
    if (await kubeadmAtWork(ctx)) return needed('kubeadm of an earlier run is still at work');
    const traces = await existing(ctx, [initMarker, hostPaths.adminKubeconfig]);
    if (!traces.has(hostPaths.adminKubeconfig)) return needed('there is no control plane yet');
    const complete = await addonsExist(ctx);
    if (complete) return satisfied('the API serves and kubeadm has finished');
    if (traces.has(initMarker)) return needed('the control plane was made, but its API does not answer now');
    return needed('kubeadm init did not finish');
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    const traces = await existing(ctx, [initMarker]);
    if (traces.has(initMarker)) {
      await putBackUnseen(ctx);
      return await awaitApi(ctx);
    }
    const token = await ctx.secret(p.token);
    await placeCredentials(ctx, p);
    await runKubeadm(ctx, {
      args: [
        'init',
        '--skip-phases=addon/coredns',
        '--skip-token-print',
        `--ignore-preflight-errors=${[...ownTraces, ...p.ignorePreflightErrors].join(',')}`,
      ],
      configuration: await configurationText(p.documents, token),
      log: 'kubeadm-init.log',
      marker: initMarker,
    });
    await stampStaticPods(ctx, staticPodInputs(p.documents));
    await stampKubelet(ctx, kubeletInputs(p.documents));
    await noteConfigMaps(ctx, p.documents, ['kubeadm-config', 'kubelet-config', 'kube-proxy']);
  },
});

/** `caCert`: the cluster CA on the control machine, which the join trusts; `server`: the API's URL. */
export interface KubeadmJoin {
  readonly nodeName: string;
  readonly role: 'control-plane' | 'worker';
  readonly documents: readonly KubeadmDocument[];
  /** Digests of what the join renders its files from: the cluster's configuration and this host's. */
  readonly inputs: { readonly kubelet: string; readonly staticPods?: string };
  readonly token: SecretRef;
  readonly caCert: string;
  readonly server: string;
  readonly ignorePreflightErrors: readonly string[];
  /** Where the CA's key is not there to sign them. */
  readonly credentials?: NodeCredentials;
}

/** Joins a node. A join that was interrupted is continued where it stopped. */
export const kubeadmJoin = defineStep<KubeadmJoin>({
  kind: 'kubeadm.join',
  title: (p) => `Join ${p.nodeName} as ${p.role}`,
  uses: ['kubeadm-join'],
  policy: { timeoutMs: 600_000 },
  recheck: false,
  async precheck(ctx, p) {
    if (await kubeadmAtWork(ctx)) return needed('kubeadm of an earlier run is still at work');
    const state = await joinState(ctx, p.role);
    if (state === 'joined') return satisfied('the node is a member of the cluster');
    return needed(state === 'absent' ? 'the node has not joined' : 'an earlier join did not finish');
  },
  async run(ctx, p) {
    await awaitKubeadm(ctx);
    const state = await joinState(ctx, p.role);
    if (state === 'joined') return;
    const token = await ctx.secret(p.token);
    await ctx.host.writeFile(discoveryFile, await discoveryKubeconfig(p), { mode: 0o600, signal: ctx.signal });
    if (p.credentials !== undefined && state !== 'bootstrapped') {
      await ctx.host.writeFile(joinBegun, '', { mode: 0o600, signal: ctx.signal });
      await placeCredentials(ctx, p);
    }
    // kubeadm refuses to join a node whose kubelet is Ready already: what that phase does is then done.
    const skip = state === 'bootstrapped' ? [`--skip-phases=preflight,kubelet-start`] : [];
    await runKubeadm(ctx, {
      args: ['join', ...skip, `--ignore-preflight-errors=${[...ownTraces, ...p.ignorePreflightErrors].join(',')}`],
      configuration: await configurationText(p.documents, token),
      log: 'kubeadm-join.log',
      marker: joinMarker,
    });
    if (p.inputs.staticPods !== undefined) await stampStaticPods(ctx, p.inputs.staticPods);
    // What an interrupted join wrote before may be from another cluster file: the next look compares it really.
    if (skip.length === 0) await stampKubelet(ctx, p.inputs.kubelet);
  },
});

async function placeCredentials(
  ctx: StepContext,
  { nodeName, credentials }: Pick<KubeadmInit, 'nodeName' | 'credentials'>,
): Promise<void> {
  if (credentials === undefined) return;
  await placeKubeletCredentials(ctx, { nodeName, ...credentials.kubelet });
  if (credentials.administrator !== undefined) await hostKubeconfig(credentials.administrator).run(ctx, undefined);
}

/** The last things that `kubeadm init` makes. */
async function addonsExist({ host, signal }: StepContext): Promise<boolean> {
  const { exitCode } = await host.tryRun(
    kubectl(['-n', 'kube-system', 'get', 'configmap/kubeadm-config', 'daemonset/kube-proxy', '-o', 'name']),
    { signal },
  );
  return exitCode === 0;
}

async function awaitApi(ctx: StepContext): Promise<void> {
  const answer = await pollUntil(async () => ({ done: await addonsExist(ctx) }), {
    timeoutMs: 120_000,
    intervalMs: 500,
    signal: ctx.signal,
  });
  if (answer.done) return;
  throw new KubexmError(
    'WAIT_TIMEOUT',
    `${ctx.host.name}: the control plane was made before, but its API does not answer`,
    {
      hint: `on ${ctx.host.name}: crictl ps -a; journalctl -u kubelet -n 50`,
    },
  );
}

/** With the CA at hand nothing must be discovered: no wait for the controller that signs `cluster-info`. */
async function discoveryKubeconfig({ caCert, server }: KubeadmJoin): Promise<string> {
  const ca = await readFile(caCert);
  const cluster = { server, 'certificate-authority-data': ca.toString('base64') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'discovery', cluster }],
    contexts: [{ name: 'discovery', context: { cluster: 'discovery', user: 'discovery' } }],
    // kubeadm wants the user to have a name, though the bootstrap token is what it identifies itself with.
    users: [{ name: 'discovery', user: {} }],
    'current-context': 'discovery',
  };
  return `${JSON.stringify(config)}\n`;
}

async function configurationText(documents: readonly KubeadmDocument[], token: Secret): Promise<Secret> {
  return new Secret((await documentsText(documents)).replaceAll('$token', token.reveal()));
}

/** An addon that kubeadm brings, applied from the same documents as `init`. */
export interface KubeadmAddon {
  readonly addon: 'coredns';
  readonly documents: KubeadmInit['documents'];
  /** Absent: without one, which only `init` needs. */
  readonly token?: SecretRef;
  /** What it must run from, where one that is there already is to be brought to it: `registry.k8s.io/coredns/coredns:v1.12.1`. */
  readonly image?: string;
  /**
   * The release is the user's own. kubeadm migrates only from those that it knows, and refuses all others: one that is there gets
   * its image and nothing else.
   */
  readonly isOwnRelease?: boolean;
}

/** Applies an addon on its own, when the network that its pods need is there. */
export const kubeadmAddon = defineStep<KubeadmAddon>({
  kind: 'kubeadm.addon',
  title: (p) => `Apply the addon ${p.addon}`,
  policy: { timeoutMs: 300_000, attempts: 3, backoffMs: 1000 },
  recheck: false,
  async precheck(ctx, p) {
    const image = await addonImage(ctx, p);
    if (image === undefined) return needed('the API did not say whether it is there');
    if (image === '') return needed('it is not there');
    return p.image === undefined || p.image === image
      ? satisfied('its deployment is there')
      : needed(`it runs from ${image}`);
  },
  async run(ctx, p) {
    if (p.isOwnRelease === true && p.image !== undefined && (await addonImage(ctx, p))) {
      const set = ['-n', 'kube-system', 'set', 'image', `deployment/${p.addon}`, `${p.addon}=${p.image}`];
      await ctx.host.run(kubectl(set), { signal: ctx.signal });
      return;
    }
    await runKubeadm(ctx, {
      args: ['init', 'phase', 'addon', p.addon],
      configuration:
        p.token === undefined
          ? new Secret(await documentsText(withoutTokens(p.documents)))
          : await configurationText(p.documents, await ctx.secret(p.token)),
      log: `kubeadm-addon-${p.addon}.log`,
    });
  },
});

/** What the addon runs from; empty where it is not there, undefined where the API does not answer. */
async function addonImage({ host, signal }: StepContext, { addon }: KubeadmAddon): Promise<string | undefined> {
  const { exitCode, stdout } = await host.tryRun(
    kubectl([
      '-n',
      'kube-system',
      'get',
      `deployment/${addon}`,
      '--ignore-not-found',
      '-o',
      'jsonpath={.spec.template.spec.containers[*].image}',
    ]),
    { signal },
  );
  return exitCode === 0 ? stdout.trim() : undefined;
}
