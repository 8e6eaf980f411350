import { X509Certificate, createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import { pollUntil } from '../../util/poll.js';
import type { SecretRef, StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { awaitKubeadm, kubeadmAtWork, runKubeadm } from './kubeadm-unit.js';

const initMarker = '/var/lib/kubexm/kubeadm-init.done';
const joinMarker = '/var/lib/kubexm/kubeadm-join.done';

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
  readonly documents: readonly { readonly [key: string]: Json }[];
  readonly token: SecretRef;
  /** Names of kubeadm's preflight checks that are only warnings on these hosts. */
  readonly ignorePreflightErrors: readonly string[];
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
    if (traces.has(initMarker)) return await awaitApi(ctx);
    const token = await ctx.secret(p.token);
    await runKubeadm(ctx, {
      args: [
        'init',
        '--skip-token-print',
        `--ignore-preflight-errors=${[...ownTraces, ...p.ignorePreflightErrors].join(',')}`,
      ],
      configuration: await configurationText(p.documents, { token }),
      log: 'kubeadm-init.log',
      marker: initMarker,
    });
  },
});

/** `caCert`: the cluster CA on the control machine; its public key is what the join trusts. */
export interface KubeadmJoin {
  readonly nodeName: string;
  readonly role: 'control-plane' | 'worker';
  readonly documents: readonly { readonly [key: string]: Json }[];
  readonly token: SecretRef;
  readonly caCert: string;
  readonly ignorePreflightErrors: readonly string[];
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
    const caCertHash = await publicKeyHash(p.caCert);
    // kubeadm refuses to join a node whose kubelet is Ready already: what that phase does is then done.
    const skip = state === 'bootstrapped' ? [`--skip-phases=preflight,kubelet-start`] : [];
    await runKubeadm(ctx, {
      args: ['join', ...skip, `--ignore-preflight-errors=${[...ownTraces, ...p.ignorePreflightErrors].join(',')}`],
      configuration: await configurationText(p.documents, { token, caCertHash }),
      log: 'kubeadm-join.log',
      marker: joinMarker,
    });
  },
});

/** `bootstrapped`: the kubelet has its certificate and runs, but kubeadm did not come to its end. */
async function joinState(
  ctx: StepContext,
  role: KubeadmJoin['role'],
): Promise<'absent' | 'partial' | 'bootstrapped' | 'joined'> {
  const kubeconfig = `${hostPaths.kubernetes}/kubelet.conf`;
  const bootstrap = `${hostPaths.kubernetes}/bootstrap-kubelet.conf`;
  const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const scheduler = `${hostPaths.kubernetes}/manifests/kube-scheduler.yaml`;
  const found = await existing(ctx, [joinMarker, kubeconfig, bootstrap, certificate, scheduler]);
  if (![kubeconfig, bootstrap, certificate].some((path) => found.has(path))) return 'absent';
  const hasCertificate = found.has(kubeconfig) && found.has(certificate);
  if (hasCertificate && found.has(joinMarker)) return 'joined';
  // Clusters that kubeadm made without kubexm have no marker; a finished join has removed its bootstrap file.
  if (hasCertificate && !found.has(bootstrap) && (role === 'worker' || found.has(scheduler))) return 'joined';
  return hasCertificate ? 'bootstrapped' : 'partial';
}

async function existing({ host, signal }: StepContext, paths: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await host.statMany(paths, { signal })).keys());
}

/** The last things that `kubeadm init` makes. */
async function addonsExist({ host, signal }: StepContext): Promise<boolean> {
  const kubectl = sh`${hostPaths.bin}/kubectl --kubeconfig=${hostPaths.adminKubeconfig} --request-timeout=10s`;
  const { exitCode } = await host.tryRun(
    sh`${kubectl} -n kube-system get configmap/kubeadm-config deployment/coredns daemonset/kube-proxy -o name`,
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

/** sha256 over the certificate's public key, as `discovery.bootstrapToken.caCertHashes` wants it. */
async function publicKeyHash(caCert: string): Promise<string> {
  const certificate = new X509Certificate(await readFile(caCert));
  return `sha256:${createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`;
}

async function configurationText(
  documents: KubeadmInit['documents'],
  values: { readonly token: Secret; readonly caCertHash?: string },
): Promise<Secret> {
  const { stringify } = await import('yaml');
  const text = documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join('---\n');
  return new Secret(
    text.replaceAll('$token', values.token.reveal()).replaceAll('$caCertHash', values.caCertHash ?? ''),
  );
}
