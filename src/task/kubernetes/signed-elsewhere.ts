import { isIP } from 'node:net';
import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, draft, type HostName, type Ref, type Step } from '../../plan/index.js';
import {
  type CertificateFiles,
  type HostKubeconfig,
  hostKubeconfig,
  installKeyPair,
  type NodeCredentials,
  placeServingPair,
  requireSigned,
  type SignedElsewhere,
  type StepContext,
  signedElsewhere,
} from '../../step/index.js';
import { defineTask, hostsWithRole, nodeHosts, type PlanContext } from '../context.js';
import { authority, certificateFiles, keylessSource } from '../pki.js';
import { apiserverUrl } from './apiserver-url.js';
import { servingHosts } from './init-host.js';
import { servingNames } from './kubeadm-config.js';
import { administrator, type KubernetesLeaf, kubernetesLeaves, leafName } from './leaves.js';

/** What lies on a host that becomes a node is to last longer than it takes to have the next one signed. */
const newcomerDays = 7;

/** Whether somebody else signs for this CA. */
export function isKeyless(ctx: PlanContext, ca: KubernetesLeaf['ca']): boolean {
  return keylessSource(ctx, 'kubernetes', ca) !== undefined;
}

/** All certificates that somebody else has to sign; none where the CAs' keys are here. */
export function certificatesSignedElsewhere(ctx: PlanContext): readonly SignedElsewhere[] {
  return [...leavesElsewhere(ctx).map((leaf) => leafElsewhere(ctx, leaf)), ...administratorElsewhere(ctx)];
}

/** A leaf as its signer is told of it. */
export function leafElsewhere(ctx: PlanContext, leaf: KubernetesLeaf): SignedElsewhere {
  const { kind, host, subject, usages, sans } = leaf;
  return {
    host,
    name: kind,
    files: certificateFiles(ctx, 'kubernetes', leafName(leaf)),
    ...issuer(ctx, leaf.ca),
    subject,
    usages,
    ...(sans === undefined ? {} : { sans }),
  };
}

/** Of the kubeconfig in the work directory. */
export function administratorElsewhere(ctx: PlanContext): readonly SignedElsewhere[] {
  if (!isKeyless(ctx, 'ca')) return [];
  const { name, subject, usages } = administrator;
  const files = certificateFiles(ctx, 'kubernetes', name);
  return [{ host: CONTROL_NODE, name, subject, usages, files, ...issuer(ctx, 'ca') }];
}

function issuer(ctx: PlanContext, name: KubernetesLeaf['ca']): Pick<SignedElsewhere, 'ca' | 'source'> {
  const source = keylessSource(ctx, 'kubernetes', name);
  if (source === undefined) throw new KubexmError('INTERNAL', `the key of ${name} is here`);
  return { ca: certificateFiles(ctx, 'kubernetes', name).cert, source };
}

/** One super-administrator is enough, where kubeadm makes the cluster. */
function leavesElsewhere(ctx: PlanContext): readonly KubernetesLeaf[] {
  const [first] = hostsWithRole(ctx, 'control-plane');
  return kubernetesLeaves(ctx).filter(
    (leaf) =>
      isKeyless(ctx, leaf.ca) && (leaf.isOptional !== true || (leaf.host === first && hasSuperAdministrator(ctx))),
  );
}

function hasSuperAdministrator({ cluster }: PlanContext): boolean {
  return minorOf(cluster.spec.kubernetes.version) >= 29;
}

/**
 * What has to be signed before anything is touched: everything of hosts that become nodes, and what apiservers that are there
 * need their names in. What else ends on nodes is for `certs renew`: nothing that mends a cluster waits for a signature.
 */
export const requireSignedCertificates = defineTask('signed-certificates', (ctx) => {
  const g = draft<StepContext>('signed-certificates');
  const nodes = nodeHosts(ctx);
  const serving = servingHosts(ctx);
  const isNode = (host: HostName) =>
    serving.includes(host) || ctx.facts.get(host)?.leftovers.includes(hostPaths.kubeletKubeconfig) === true;
  const leaves = leavesElsewhere(ctx).filter(({ host }) => nodes.includes(host));
  const certificates = [
    ...leaves
      .filter(({ host }) => !isNode(host))
      .map((leaf) => ({ ...leafElsewhere(ctx, leaf), minDays: newcomerDays })),
    ...leaves
      .filter(({ host, kind }) => serving.includes(host) && kind === 'apiserver')
      .map((leaf) => leafElsewhere(ctx, servingLeaf(ctx, leaf))),
    ...administratorElsewhere(ctx),
  ];
  if (certificates.length === 0) return g.done();
  const authorities = (['ca', 'front-proxy-ca'] as const)
    .filter((name) => isKeyless(ctx, name))
    .map((name) => keylessAuthority(g, ctx, name));
  g.add('signed-elsewhere', [CONTROL_NODE], requireSigned({ certificates }), { after: authorities });
  return g.done();
});

/** The names of control planes that came later do not make it another one. */
function servingLeaf(ctx: PlanContext, leaf: KubernetesLeaf): KubernetesLeaf {
  const names = servingNames(ctx, leaf.host);
  return {
    ...leaf,
    sans: { dns: names.filter((name) => isIP(name) === 0), ips: names.filter((name) => isIP(name) !== 0) },
  };
}

/** The CA's certificate on this machine; its key is nowhere. */
export function keylessAuthority(g: Draft<StepContext>, ctx: PlanContext, name: KubernetesLeaf['ca']): Ref {
  return authority(g, ctx, { component: 'kubernetes', name, commonName: name });
}

/**
 * Brings to control planes-to-be what kubeadm cannot have signed, but for the administrator's kubeconfig: a host that has that
 * one has all of it, and counts as a control plane. That comes right before kubeadm.
 */
export function placeSigned(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { hosts, after }: { readonly hosts: readonly HostName[]; readonly after: After },
): readonly Ref[] {
  const leaves = leavesElsewhere(ctx).filter(({ host }) => hosts.includes(host));
  const placed = leaves.filter(({ form, path }) => form !== 'kubelet' && path !== hostPaths.adminKubeconfig);
  const name = 'super-admin.conf';
  const without = hosts.filter((host) => !leaves.some((leaf) => leaf.host === host && leaf.kind === name));
  if (!isKeyless(ctx, 'ca') || !hasSuperAdministrator(ctx) || without.length === 0)
    return placeLeaves(g, ctx, placed, after);
  // Without the CA's key kubeadm looks for the file on every control plane, whenever it is called.
  const step = hostKubeconfig({
    path: `${hostPaths.kubernetes}/${name}`,
    ...clusterOf(ctx),
    server: endpointServer(ctx),
    user: 'kubernetes-super-admin',
  });
  return [...placeLeaves(g, ctx, placed, after), g.add(`place-empty-${name}`, without, step, { after })];
}

/** The apiserver's certificate on a control plane that is there, with the names that the config gives it now; proved on the wire. */
export function placeServing(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { host, after }: { readonly host: HostName; readonly after: After },
): Ref {
  const leaf = leavesElsewhere(ctx).find((each) => each.host === host && each.kind === 'apiserver');
  if (leaf === undefined) throw new KubexmError('INTERNAL', `${host} has no apiserver`);
  const ready = [taken(g, ctx, servingLeaf(ctx, leaf)), after].flat();
  const source = certificateFiles(ctx, 'kubernetes', leafName(leaf));
  const step = placeServingPair({ source, target: pairAt(leaf), server: apiserverUrl(ctx, host) });
  return g.add(`certificate-${host}`, [host], step, { after: ready });
}

/** One node for each kind. */
function placeLeaves(
  g: Draft<StepContext>,
  ctx: PlanContext,
  leaves: readonly KubernetesLeaf[],
  after: After,
): readonly Ref[] {
  const kinds = [...new Set(leaves.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = new Map(leaves.filter((leaf) => leaf.kind === kind).map((leaf) => [leaf.host, leaf]));
    const ready = [...[...own.values()].map((leaf) => taken(g, ctx, leaf)), after].flat();
    const step = (host: HostName) => {
      const leaf = own.get(host);
      if (leaf === undefined) throw new KubexmError('INTERNAL', `${host} has no ${kind}`);
      return placing(ctx, leaf);
    };
    return g.addEach(`place-${kind}`, [...own.keys()], step, { after: ready });
  });
}

/** Looked for on this machine. Of its task's own: what is shared does not wait for the gate, which names all that are missing. */
export function taken(g: Draft<StepContext>, ctx: PlanContext, leaf: KubernetesLeaf, minDays = 0): Ref {
  const step = signedElsewhere({ ...leafElsewhere(ctx, leaf), minDays });
  return g.add(`take-${leafName(leaf)}`, [CONTROL_NODE], step, { after: keylessAuthority(g, ctx, leaf.ca) });
}

/** The same of the administrator's certificate. */
export function takenAdministrator(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { after, renewBeforeDays = 0 }: { readonly after: After; readonly renewBeforeDays?: number },
): readonly Ref[] {
  return administratorElsewhere(ctx).map((certificate) =>
    g.add(`take-${certificate.name}`, [CONTROL_NODE], signedElsewhere({ ...certificate, minDays: renewBeforeDays }), {
      after,
    }),
  );
}

function placing(ctx: PlanContext, leaf: KubernetesLeaf): Step<StepContext> {
  if (leaf.form !== 'pair') return hostKubeconfig(kubeconfigOf(ctx, leaf));
  const source = certificateFiles(ctx, 'kubernetes', leafName(leaf));
  return installKeyPair({ source, target: pairAt(leaf), keep: false });
}

/** As kubeadm writes them: what runs beside an apiserver asks that one. */
function kubeconfigOf(ctx: PlanContext, leaf: KubernetesLeaf): HostKubeconfig {
  return {
    path: leaf.path,
    ...clusterOf(ctx),
    server: /admin/.test(leaf.kind) ? endpointServer(ctx) : apiserverUrl(ctx, leaf.host),
    user: leaf.subject.commonName,
    client: certificateFiles(ctx, 'kubernetes', leafName(leaf)),
  };
}

/** Of a leaf in the form of a pair, on its host. */
function pairAt({ path }: KubernetesLeaf): CertificateFiles {
  return { cert: path, key: path.replace(/\.crt$/, '.key') };
}

/** What is of a node and comes right before kubeadm; nothing where the cluster's CA has its key. */
export function nodeCredentials(ctx: PlanContext, host: HostName): { readonly credentials?: NodeCredentials } {
  if (!isKeyless(ctx, 'ca')) return {};
  const client = certificateFiles(ctx, 'kubernetes', leafName({ kind: 'kubelet', host }));
  const isControlPlane = hostsWithRole(ctx, 'control-plane').includes(host);
  // As kubeadm does: since 1.33 a control plane's kubelet asks its own apiserver (ControlPlaneKubeletLocalMode).
  const isLocal = isControlPlane && minorOf(ctx.cluster.spec.kubernetes.version) >= 33;
  const server = isLocal ? apiserverUrl(ctx, host) : endpointServer(ctx);
  const administrators = leavesElsewhere(ctx)
    .filter((leaf) => leaf.host === host && leaf.path === hostPaths.adminKubeconfig)
    .map((leaf) => kubeconfigOf(ctx, leaf));
  const [own] = administrators;
  return {
    credentials: {
      kubelet: { ...clusterOf(ctx), client, server },
      ...(own === undefined ? {} : { administrator: own }),
    },
  };
}

function clusterOf(ctx: PlanContext): { readonly clusterName: string; readonly ca: string } {
  const { clusterName } = ctx.cluster.spec.kubernetes;
  return { clusterName, ca: certificateFiles(ctx, 'kubernetes', 'ca').cert };
}

function endpointServer({ cluster }: PlanContext): string {
  const { domain, port } = cluster.spec.controlPlaneEndpoint;
  return `https://${domain}:${port}`;
}
