import { apiServers } from '../../apis/kubexms/v1alpha1/api-servers.js';
import { hostPaths } from '../../common/host-paths.js';
import type { CertsComponent } from '../../common/work-dirs.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, draft, type HostName, type Ref, type Step } from '../../plan/index.js';
import {
  checkEtcdHealth,
  clusterInfoCa,
  fileChecksum,
  fileDigest,
  formerCaUnpublished,
  frontProxyPublished,
  generateKubeconfig,
  installKeyPair,
  kubeconfigCredentials,
  kubeletClient,
  kubeletsAccept,
  kubeletsReport,
  nextCa,
  podsTrust,
  promoteCa,
  reconcileStaticPods,
  reconfigureEtcdMember,
  removeFile,
  requireCa,
  restartStaticPod,
  type StepContext,
  trustBundle,
  warnOfCopies,
} from '../../step/index.js';
import { criEndpoint } from '../container-runtime/runtime-hosts.js';
import { defineTask, hostsWithRole, internalAddress, type PlanContext, type Task } from '../context.js';
import { etcdMembers } from '../etcd/endpoints.js';
import { etcdLeaves } from '../etcd/leaves.js';
import { bringEtcdLeaves } from '../etcd/renew.js';
import { etcdInputs, etcdService } from '../etcd/service.js';
import { initHost } from '../kubernetes/init-host.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { type KubernetesLeaf, kubernetesLeaves } from '../kubernetes/leaves.js';
import { certificateFiles, signed } from '../pki.js';
import { nextName, type ObservedCertificate } from './observe.js';
import { apiServed, crossFile, leafName, restartReaders, servedFiles } from './renew.js';

const { kubernetesPki, etcd } = hostPaths;

/** The CAs that can be rotated, by the words of the command. */
export const rotatable = ['cluster', 'front-proxy', 'etcd'] as const;
type Rotatable = (typeof rotatable)[number];

/** `certificates`: as they are now; how far a rotation is stands in them and nowhere else. */
export interface RotateCa {
  readonly which: Rotatable;
  readonly certificates: readonly ObservedCertificate[];
  /** Names of the nodes that the API has. */
  readonly nodes: readonly string[];
}

/** Where a rotation stands. `trust`: the new CA is not trusted everywhere, or signs not everything yet; `drop`: the old one may go. */
export type RotationPass = 'begin' | 'trust' | 'drop';

/** How far the rotation of a CA is, by what lies on the hosts. */
export function rotationPass({ which, certificates }: Pick<RotateCa, 'which' | 'certificates'>): RotationPass {
  const leaves = certificates.filter((each) => isLeafOf(which, each));
  const known = leaves.filter(({ isSignedByNext }) => isSignedByNext !== undefined);
  if (known.length === 0) return 'begin';
  const isComplete = leaves.every(({ state }) => state !== 'missing');
  return isComplete && known.every(({ isSignedByNext }) => isSignedByNext === true) ? 'drop' : 'trust';
}

/** The administrator's own kubeconfig is left out: it is made before the old CA goes, whatever it is now. */
function isLeafOf(which: Rotatable, { host, path }: ObservedCertificate): boolean {
  const isEtcd = path.startsWith(`${etcd.pki}/`);
  const isFrontProxy = path.endsWith('/front-proxy-client.crt');
  if (host === CONTROL_NODE || /\/kubelet(-server-current\.pem|\.crt)$/.test(path)) return false;
  return which === 'etcd' ? isEtcd : which === 'front-proxy' ? isFrontProxy : !isEtcd && !isFrontProxy;
}

/** What a rotation needs before anything changes. Throws GUARD_REFUSED. */
function guardRotation(ctx: PlanContext, { which, certificates, nodes }: RotateCa): void {
  const { cluster } = ctx;
  if (which === 'etcd' && cluster.spec.etcd.type === 'external') {
    throw refused("the CA of etcd is not the cluster's own (etcd.type: external)", [], 'ask whoever runs that etcd');
  }
  const unknown = certificates.filter(({ state }) => state === 'unknown' || state === 'broken');
  const strangers =
    which === 'cluster' ? nodes.filter((name) => !cluster.spec.hosts.some((host) => host.name === name)) : [];
  const file = {
    cluster: `${kubernetesPki}/ca.crt`,
    'front-proxy': `${kubernetesPki}/front-proxy-ca.crt`,
    etcd: `${etcd.pki}/ca.pem`,
  }[which];
  const isUnderWay = rotationPass({ which, certificates }) !== 'begin';
  const foreign = certificates.filter(({ path, trustsOwn }) => path === file && trustsOwn === false && !isUnderWay);
  if (unknown.length > 0) {
    const details = unknown.map(({ host, path, error }) => `${host}: ${path}: ${error ?? 'unknown'}`);
    throw refused(
      'not every host could be asked: one that is left out would be lost with the old CA',
      details,
      'bring it back, or take it out of the cluster: kubexm node delete',
    );
  }
  if (strangers.length > 0)
    throw refused(
      'the cluster has nodes that the config does not have',
      strangers,
      'kubexm node list; add them to the config, or delete them',
    );
  if (foreign.length === 0) return;
  throw refused(
    'the CA on the hosts is not that of the work directory',
    foreign.map(({ host, path }) => `${path} on ${host}`),
    'run this in the directory whose .kubexm made the cluster; where that is lost: kubexm cluster adopt',
  );
}

/**
 * What must be known before anything changes: this machine can sign with the CA that is to go, where that is needed; and, before
 * a rotation begins, every apiserver and every kubelet is at work.
 */
export function requireRotatable(params: RotateCa): Task {
  return defineTask('require-rotatable', (ctx) => {
    guardRotation(ctx, params);
    const g = draft<StepContext>('require-rotatable');
    const { which } = params;
    // That of etcd signs nothing in its own rotation: it may be lost.
    if (which !== 'etcd' && rotationPass(params) !== 'drop') {
      const files = certificateFiles(ctx, 'kubernetes', which === 'cluster' ? 'ca' : 'front-proxy-ca');
      g.add('ca', [CONTROL_NODE], requireCa({ files, rotating: true }));
    }
    if (rotationPass(params) === 'begin') {
      for (const host of hostsWithRole(ctx, 'control-plane')) g.add(`serves-${host}`, [host], apiServed(ctx, host));
      g.add('kubelets', [initHost(ctx)], kubeletsReport({ nodes: nodesOf(ctx) }));
    }
    return g.done();
  });
}

/**
 * A CA by another, without a moment in which somebody trusts nobody: all trust both; then everything is signed anew; then the old
 * one goes. What a step finds done it leaves alone, so that a run that was ended anywhere is gone on with.
 */
export function rotateCa(params: RotateCa): Task {
  return defineTask('rotate', (ctx) => {
    const g = draft<StepContext>('rotate');
    const isSigned = rotationPass(params) === 'drop';
    switch (params.which) {
      case 'cluster':
        rotateClusterCa(g, ctx, isSigned);
        break;
      case 'front-proxy':
        rotateFrontProxyCa(g, ctx, isSigned);
        break;
      case 'etcd':
        rotateEtcdCa(g, ctx, isSigned);
        break;
    }
    return g.done();
  });
}

/** Of the cluster's CA: kubeadm's name for its file, and those of the rotation. */
function authorityFiles(ctx: PlanContext, component: CertsComponent, name: string) {
  return {
    current: certificateFiles(ctx, component, name),
    next: certificateFiles(ctx, component, nextName(name)),
    previous: certificateFiles(ctx, component, `${name}-previous`),
  };
}

/** What an apiserver shows kubelets. */
const kubeletClientFiles = {
  cert: `${kubernetesPki}/apiserver-kubelet-client.crt`,
  key: `${kubernetesPki}/apiserver-kubelet-client.key`,
};

const signingFiles = { cert: `${kubernetesPki}/ca-signing.crt`, key: `${kubernetesPki}/ca-signing.key` };

function rotateClusterCa(g: Draft<StepContext>, ctx: PlanContext, isSigned: boolean): void {
  const { current, next, previous } = authorityFiles(ctx, 'kubernetes', 'ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const workers = nodesOf(ctx).filter((host) => !controlPlanes.includes(host));
  const speaker = initHost(ctx);
  const made = g.shared('/pki/kubernetes/ca-next', [CONTROL_NODE], nextCa({ current, next, cross: crossFile(ctx) }));
  // Also where all has its new certificate already: what was started with another one is restarted before the old CA goes.
  const reissued = reissueCluster(g, ctx, { made, after: isSigned ? made : trustBothCas(g, ctx, made) });

  const user = userKubeconfig(g, ctx, made, reissued);
  const ready = [
    g.add('copies', [speaker], warnOfCopies({ authority: current.cert }), { after: user }),
    g.add('cluster-info', [speaker], clusterInfoCa({ authority: next.cert }), { after: user }),
    g.add('pods-trust-both', [speaker], podsTrust({ authority: next.cert, among: true }), { after: user }),
  ];
  const ca = { cert: `${kubernetesPki}/ca.crt`, key: `${kubernetesPki}/ca.key` };
  const onlyNew = [
    g.add('trust-new-workers', workers, trustBundle({ path: ca.cert, authorities: [next.cert], only: true }), {
      after: ready,
    }),
    g.add('ca-control-planes', controlPlanes, installKeyPair({ source: next, target: ca, keep: false }), {
      after: ready,
    }),
  ];
  const unpublished = g.add(
    'former-unpublished',
    [speaker],
    formerCaUnpublished({ field: 'client-ca-file', former: current.cert, authority: next.cert }),
    { after: onlyNew },
  );
  let turn: After = onlyNew;
  for (const host of controlPlanes) {
    const step = reconcileStaticPods({ nodeName: host, documents: initDocuments(ctx, host) });
    turn = g.add(`static-pods-${host}`, [host], step, { after: turn });
  }
  const forgotten = [signingFiles.cert, signingFiles.key].map((path) =>
    g.add(`forget-${path.slice(path.lastIndexOf('/') + 1)}`, controlPlanes, removeFile({ path }), { after: turn }),
  );
  const proved = [
    g.add('pods-trust-new', [speaker], podsTrust({ authority: next.cert }), { after: turn }),
    g.add('kubelets-accept', controlPlanes, kubeletsAccept({ nodes: kubeletsOf(ctx), client: kubeletClientFiles }), {
      after: turn,
    }),
    g.add('kubelets-report', [speaker], kubeletsReport({ nodes: nodesOf(ctx) }), { after: turn }),
  ];
  g.add('promote', [CONTROL_NODE], promoteCa({ current, next, previous }), {
    after: [...proved, unpublished, ...forgotten],
  });
}

/** All trust both CAs, and the new one signs. */
function trustBothCas(g: Draft<StepContext>, ctx: PlanContext, made: Ref): Ref {
  const { current, next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const known = [current.cert, current.key].map((path, index) =>
    g.add(`digest-${index}`, [CONTROL_NODE], fileChecksum({ path, output: fileDigest(path) })),
  );
  // A controller manager signs with a file that holds one CA: that of the trusted ones will hold two.
  const old = installKeyPair({ source: current, target: signingFiles, keep: false });
  const signing = g.add('signing-old', controlPlanes, old, { after: [made, ...known] });
  const trust = trustBundle({ path: `${kubernetesPki}/ca.crt`, authorities: [current.cert, next.cert] });
  let turn: After = g.add('trust-both', nodesOf(ctx), trust, { after: signing });
  for (const host of controlPlanes) {
    const documents = withSigningFiles(initDocuments(ctx, host));
    turn = g.add(`two-cas-${host}`, [host], reconcileStaticPods({ nodeName: host, documents }), { after: turn });
  }
  const signs = installKeyPair({ source: next, target: signingFiles, keep: false });
  return g.add('signing-new', controlPlanes, signs, { after: turn });
}

/** Everything is signed by the new CA, and proved before anything else hangs on it. Ends with the kubelets. */
function reissueCluster(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { made, after }: { readonly made: Ref; readonly after: After },
): readonly Ref[] {
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const leavesOf = (host: HostName) => kubernetesLeaves(ctx).filter((leaf) => leaf.host === host && leaf.ca === 'ca');
  const isAdmin = ({ form, kind }: KubernetesLeaf) => form === 'kubeconfig' && /admin/.test(kind);
  // First what apiservers serve: everybody finds the way to it, also who trusts only the old one.
  let turn: After = after;
  for (const host of controlPlanes) {
    const served = leavesOf(host).filter(({ kind }) => kind === 'apiserver');
    const pairs = served.map((leaf) => installed(g, ctx, leaf, { made, after: turn }));
    turn = g.add(`served-${host}`, [host], apiServed(ctx, host), { after: pairs });
  }
  // Then the administrators, which proves that each apiserver takes what the new one signed; and then that each kubelet does.
  for (const host of controlPlanes) {
    const put = leavesOf(host).filter(isAdmin);
    const credentials = put.map((leaf) => installed(g, ctx, leaf, { made, after: turn }));
    turn = g.add(`accepted-${host}`, [host], apiServed(ctx, host), { after: credentials });
  }
  turn = g.add('kubelets-trust-both', [initHost(ctx)], kubeletsAccept({ nodes: kubeletsOf(ctx) }), { after: turn });
  // Then who goes through apiservers, and these as clients of kubelets.
  for (const host of controlPlanes) {
    const put = leavesOf(host).filter((leaf) => leaf.kind !== 'apiserver' && leaf.form !== 'kubelet' && !isAdmin(leaf));
    const clients = put.map((leaf) => installed(g, ctx, leaf, { made, after: turn }));
    const step = restartPod(ctx, host, 'kube-apiserver', [kubeletClientFiles.cert]);
    const apiserver = g.add(`restart-kube-apiserver-${host}`, [host], step, { after: clients });
    turn = restartReaders(g, ctx, host, { after: apiserver });
  }
  return nodesOf(ctx).map((host) => {
    const [leaf] = leavesOf(host).filter(({ form }) => form === 'kubelet');
    if (leaf === undefined) throw new KubexmError('INTERNAL', `${host} has no kubelet`);
    const path = hostPaths.kubeletKubeconfig;
    const trusts = g.add(`kubelet-trust-${host}`, [host], kubeconfigCredentials({ path, ca: next.cert }), {
      after: turn,
    });
    const client = certificateFiles(ctx, 'kubernetes', leafName(leaf));
    const ready = [signedByNext(g, ctx, leaf, made), trusts];
    return g.add(`kubelet-${host}`, [host], kubeletClient({ nodeName: host, client }), { after: ready });
  });
}

/** Signed by the new CA, and brought to its place: a pair, which apiservers read again by themselves, or into a kubeconfig. */
function installed(
  g: Draft<StepContext>,
  ctx: PlanContext,
  leaf: KubernetesLeaf,
  { made, after }: { readonly made: Ref; readonly after: After },
): Ref {
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const { source, ready } = servedFiles(g, ctx, leaf, signedByNext(g, ctx, leaf, made));
  const target = { cert: leaf.path, key: leaf.path.replace(/\.crt$/, '.key') };
  const step =
    leaf.form === 'kubeconfig'
      ? kubeconfigCredentials({ path: leaf.path, ca: next.cert, client: source })
      : installKeyPair({ source, target, keep: false });
  return g.add(`${leaf.kind}-${leaf.host}`, [leaf.host], step, { after: [ready, after] });
}

function signedByNext(g: Draft<StepContext>, ctx: PlanContext, leaf: KubernetesLeaf, made: Ref): Ref {
  const { subject, usages, sans, ca } = leaf;
  return signed(g, ctx, {
    component: 'kubernetes',
    name: leafName(leaf),
    ca: made,
    signer: nextName(ca),
    subject,
    usages,
    ...(sans === undefined ? {} : { sans }),
  });
}

/** The administrator's, on this machine: by the time that the old CA goes, it has to be of the new one. */
function userKubeconfig(g: Draft<StepContext>, ctx: PlanContext, made: Ref, after: readonly Ref[]): Ref {
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const client = signed(g, ctx, {
    component: 'kubernetes',
    name: 'admin',
    ca: made,
    signer: nextName('ca'),
    subject: { commonName: 'kubexm-admin', organizations: ['kubeadm:cluster-admins'] },
    usages: ['client'],
  });
  const step = generateKubeconfig({
    path: ctx.workDirs.kubeconfigPath,
    servers: apiServers(ctx.cluster),
    clusterName: ctx.cluster.metadata.name,
    user: 'kubexm-admin',
    ca: next.cert,
    client: certificateFiles(ctx, 'kubernetes', 'admin'),
  });
  return g.add('kubeconfig', [CONTROL_NODE], step, { after: [client, ...after] });
}

function rotateFrontProxyCa(g: Draft<StepContext>, ctx: PlanContext, isSigned: boolean): void {
  const { current, next, previous } = authorityFiles(ctx, 'kubernetes', 'front-proxy-ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const path = `${kubernetesPki}/front-proxy-ca.crt`;
  const made = g.shared('/pki/kubernetes/front-proxy-ca-next', [CONTROL_NODE], nextCa({ current, next }));
  let ready: readonly Ref[] = [made];
  if (!isSigned) {
    const trust = trustBundle({ path, authorities: [current.cert, next.cert] });
    const trusted = g.add('trust-both', controlPlanes, trust, { after: made });
    const told = g.add('published', [initHost(ctx)], frontProxyPublished({ authority: next.cert }), { after: trusted });
    ready = kubernetesLeaves(ctx)
      .filter(({ ca }) => ca === 'front-proxy-ca')
      .map((leaf) => {
        const source = certificateFiles(ctx, 'kubernetes', leafName(leaf));
        const target = { cert: leaf.path, key: leaf.path.replace(/\.crt$/, '.key') };
        return g.add(`${leaf.kind}-${leaf.host}`, [leaf.host], installKeyPair({ source, target, keep: false }), {
          after: [signedByNext(g, ctx, leaf, made), told],
        });
      });
  }
  let turn: After = ready;
  for (const host of controlPlanes) {
    // An apiserver that missed the change of its files would be refused by aggregated APIs once the old CA is gone.
    const step = restartPod(ctx, host, 'kube-apiserver', [`${kubernetesPki}/front-proxy-client.crt`]);
    turn = g.add(`restart-kube-apiserver-${host}`, [host], step, { after: turn });
  }
  const target = { cert: path, key: `${kubernetesPki}/front-proxy-ca.key` };
  const only = g.add('ca-control-planes', controlPlanes, installKeyPair({ source: next, target, keep: false }), {
    after: turn,
  });
  const told = g.add('published-new', [initHost(ctx)], frontProxyPublished({ authority: next.cert }), { after: only });
  const unpublished = g.add(
    'former-unpublished',
    [initHost(ctx)],
    formerCaUnpublished({ field: 'requestheader-client-ca-file', former: current.cert, authority: next.cert }),
    { after: told },
  );
  g.add('promote', [CONTROL_NODE], promoteCa({ current, next, previous }), { after: unpublished });
}

function rotateEtcdCa(g: Draft<StepContext>, ctx: PlanContext, isSigned: boolean): void {
  const { current, next, previous } = authorityFiles(ctx, 'etcd', 'ca');
  const members = hostsWithRole(ctx, 'etcd');
  const others = hostsWithRole(ctx, 'control-plane').filter((host) => !members.includes(host));
  const path = `${etcd.pki}/ca.pem`;
  const made = g.shared('/pki/etcd/ca-next', [CONTROL_NODE], nextCa({ current, next }));
  let ready: readonly Ref[] = [made];
  if (!isSigned) {
    const trust = trustBundle({ path, authorities: [current.cert, next.cert] });
    const trusted = g.add('trust-both', [...members, ...others], trust, { after: made });
    const restarted = restartEtcdAndClients(g, ctx, 'both', trusted);
    const leaves = etcdLeaves(ctx).map(({ name, subject, usages, sans }) =>
      signed(g, ctx, {
        component: 'etcd',
        name,
        ca: made,
        signer: nextName('ca'),
        subject,
        usages,
        ...(sans === undefined ? {} : { sans }),
      }),
    );
    ready = bringEtcdLeaves(g, ctx, { made: [...leaves, restarted], atOnce: false });
  }
  const target = { cert: path, key: `${etcd.pki}/ca-key.pem` };
  const only = [
    g.add('ca-members', members, installKeyPair({ source: next, target, keep: false }), { after: ready }),
    g.add('trust-new', others, trustBundle({ path, authorities: [next.cert], only: true }), { after: ready }),
  ];
  const restarted = restartEtcdAndClients(g, ctx, 'new', only);
  g.add('promote', [CONTROL_NODE], promoteCa({ current, next, previous }), { after: restarted });
}

/** Members and apiservers read whom to trust when they start: one after the other, each healthy before the next. */
function restartEtcdAndClients(g: Draft<StepContext>, ctx: PlanContext, pass: string, after: After): Ref {
  const members = etcdMembers(ctx);
  const endpoints = members.map(({ clientUrl }) => clientUrl);
  let turn: After = after;
  let last: Ref | undefined;
  for (const { name, clientUrl } of members) {
    const restart = reconfigureEtcdMember({ service: etcdService, inputs: etcdInputs, endpoint: clientUrl });
    const restarted = g.add(`trust-${pass}-member-${name}`, [name], restart, { after: turn });
    last = g.add(`trust-${pass}-health-${name}`, [name], checkEtcdHealth({ endpoints }), { after: restarted });
    turn = last;
  }
  for (const host of hostsWithRole(ctx, 'control-plane')) {
    const step = restartPod(ctx, host, 'kube-apiserver', [`${etcd.pki}/ca.pem`]);
    last = g.add(`trust-${pass}-apiserver-${host}`, [host], step, { after: turn });
    turn = last;
  }
  if (last === undefined) throw new KubexmError('INTERNAL', 'the config has no etcd member');
  return last;
}

function restartPod(ctx: PlanContext, host: HostName, component: string, inputs: readonly string[]): Step<StepContext> {
  return restartStaticPod({ component, nodeName: host, endpoint: criEndpoint(ctx, host).socket, inputs });
}

function nodesOf(ctx: PlanContext): readonly HostName[] {
  return [...new Set([...hostsWithRole(ctx, 'control-plane'), ...hostsWithRole(ctx, 'worker')])];
}

function kubeletsOf(ctx: PlanContext) {
  return nodesOf(ctx).map((name) => ({ name, address: internalAddress(ctx, name) }));
}

type Documents = ReturnType<typeof initDocuments>;

// A type and not an interface: documents are plain data.
type Flag = { readonly name: string; readonly value: string };

type Flags = Readonly<Record<string, string>>;

function isList(flags: Flags | readonly Flag[] | undefined): flags is readonly Flag[] {
  return Array.isArray(flags);
}

/** Flags of the controller manager while the file of the trusted CAs holds two. kubeadm's versions write flags as a list or as a map. */
function withSigningFiles(documents: Documents): Documents {
  const flags = { 'cluster-signing-cert-file': signingFiles.cert, 'cluster-signing-key-file': signingFiles.key };
  return documents.map((document) => {
    if (document.kind !== 'ClusterConfiguration') return document;
    const section = (document.controllerManager ?? {}) as { readonly extraArgs?: Flags | readonly Flag[] };
    const { extraArgs } = section;
    const merged = isList(extraArgs)
      ? [...extraArgs, ...Object.entries(flags).map(([name, value]) => ({ name, value }))]
      : { ...extraArgs, ...flags };
    return { ...document, controllerManager: { ...section, extraArgs: merged } };
  });
}

function refused(message: string, details: readonly string[], hint: string): KubexmError {
  return new KubexmError('GUARD_REFUSED', message, { details, hint, retryable: false });
}
