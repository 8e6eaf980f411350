import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, type HostName, type Ref } from '../../plan/index.js';
import {
  clusterInfoCa,
  fileChecksum,
  fileDigest,
  formerCaUnpublished,
  installKeyPair,
  kubeconfigCredentials,
  kubeletClient,
  kubeletsAccept,
  kubeletsReport,
  podsTrust,
  promoteCa,
  reconcileStaticPods,
  removeFile,
  type StepContext,
  trustBundle,
  warnOfCopies,
} from '../../step/index.js';
import { hostsWithRole, internalAddress, nodeHosts, type PlanContext } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { administrator, type KubernetesLeaf, kubernetesLeaves, leafName } from '../kubernetes/leaves.js';
import { administratorKubeconfig } from '../kubernetes/pki.js';
import { certificateFiles } from '../pki.js';
import { apiServed, restartPod, restartReaders } from './control-plane.js';
import { crossFile, placedLeaf, servedFiles } from './leaf-files.js';
import { authorityFiles, type CaChange, leafByNext, madeNext, signedByNext } from './rotation-parts.js';

const { kubernetesPki } = hostPaths;

/** What an apiserver shows kubelets. */
const kubeletClientFiles = {
  cert: `${kubernetesPki}/apiserver-kubelet-client.crt`,
  key: `${kubernetesPki}/apiserver-kubelet-client.key`,
};

const signingFiles = { cert: `${kubernetesPki}/ca-signing.crt`, key: `${kubernetesPki}/ca-signing.key` };

export function rotateClusterCa(g: Draft<StepContext>, ctx: PlanContext, change: CaChange): void {
  const { current, next, previous } = authorityFiles(ctx, 'kubernetes', 'ca');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const workers = nodeHosts(ctx).filter((host) => !controlPlanes.includes(host));
  const speaker = initHost(ctx);
  const made = madeNext(g, ctx, { component: 'kubernetes', name: 'ca', cross: crossFile(ctx), change });
  // Also where all has its new certificate already: what was started with another one is restarted before the old CA goes.
  const reissued = reissueCluster(g, ctx, { made, after: change.isSigned ? made : trustBothCas(g, ctx, made) });

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
    g.add('kubelets-report', [speaker], kubeletsReport({ nodes: nodeHosts(ctx) }), { after: turn }),
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
  let turn: After = g.add('trust-both', nodeHosts(ctx), trust, { after: signing });
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
): Ref {
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
    turn = restartReaders(g, ctx, host, apiserver);
  }
  // One kubelet first: where the API does not take what it shows, the others are as they were.
  const [first = '', ...others] = nodeHosts(ctx);
  const speaker = initHost(ctx);
  const one = kubelet(g, ctx, { host: first, made, after: turn });
  turn = g.add('first-kubelet-reports', [speaker], kubeletsReport({ nodes: [first] }), { after: one });
  const all = others.map((host) => kubelet(g, ctx, { host, made, after: turn }));
  return g.add('kubelets-report-new', [speaker], kubeletsReport({ nodes: nodeHosts(ctx) }), { after: [turn, ...all] });
}

function kubelet(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { host, made, after }: { readonly host: HostName; readonly made: Ref; readonly after: After },
): Ref {
  const leaf = kubernetesLeaves(ctx).find((each) => each.host === host && each.form === 'kubelet');
  if (leaf === undefined) throw new KubexmError('INTERNAL', `${host} has no kubelet`);
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const trust = kubeconfigCredentials({ path: hostPaths.kubeletKubeconfig, ca: next.cert });
  const trusts = g.add(`kubelet-trust-${host}`, [host], trust, { after });
  const client = certificateFiles(ctx, 'kubernetes', leafName(leaf));
  const ready = [leafByNext(g, ctx, leaf, made), trusts];
  return g.add(`kubelet-${host}`, [host], kubeletClient({ nodeName: host, client }), { after: ready });
}

/** Signed by the new CA, and brought to its place. */
function installed(
  g: Draft<StepContext>,
  ctx: PlanContext,
  leaf: KubernetesLeaf,
  { made, after }: { readonly made: Ref; readonly after: After },
): Ref {
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const { source, ready } = servedFiles(g, ctx, leaf, leafByNext(g, ctx, leaf, made));
  const step = placedLeaf(leaf, { source, ca: next.cert });
  return g.add(`${leaf.kind}-${leaf.host}`, [leaf.host], step, { after: [ready, after] });
}

/** The administrator's, on this machine: by the time that the old CA goes, it has to be of the new one. */
function userKubeconfig(g: Draft<StepContext>, ctx: PlanContext, made: Ref, after: Ref): Ref {
  const { next } = authorityFiles(ctx, 'kubernetes', 'ca');
  const client = signedByNext(g, ctx, { ...administrator, made });
  return g.add('kubeconfig', [CONTROL_NODE], administratorKubeconfig(ctx, next.cert), { after: [client, after] });
}

function kubeletsOf(ctx: PlanContext) {
  return nodeHosts(ctx).map((name) => ({ name, address: internalAddress(ctx, name) }));
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
