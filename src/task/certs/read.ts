import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { readCertificates, type StepContext } from '../../step/index.js';
import { registryAuthorities } from '../container-runtime/registry.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { etcdCertificates } from '../etcd/read-certificates.js';
import type { Findings } from '../findings.js';
import { type KubernetesLeaf, kubernetesLeaves, leafName } from '../kubernetes/leaves.js';
import { isKeyless } from '../kubernetes/signed-elsewhere.js';
import { crossName, type ObservedCertificate, observeWanted, type WantedCertificate } from './observe.js';

const report = 'certificates';
const { etcd, kubernetesPki } = hostPaths;
const kubeletPki = '/var/lib/kubelet/pki';
const clusterCa = { component: 'kubernetes', name: 'ca' } as const;

/** Reads the certificates of the whole cluster where they are used, and those of the control machine's work directory. */
export const readAllCertificates = defineTask('read-all-certificates', (ctx) => {
  const { workDirs } = ctx;
  const g = draft<StepContext>('read-all-certificates');
  const paths = (form: KubernetesLeaf['form']) => [
    ...new Set(kubernetesLeaves(ctx).flatMap((leaf) => (leaf.form === form ? [leaf.path] : []))),
  ];
  const hosts = ctx.cluster.spec.hosts.map(({ name }) => name).filter((name) => ctx.facts.has(name));
  g.add(
    'hosts',
    hosts,
    readCertificates({
      report,
      directories: [kubernetesPki, etcd.pki],
      files: [
        ...paths('kubelet'),
        `${kubeletPki}/kubelet-server-current.pem`,
        `${kubeletPki}/kubelet.crt`,
        ...new Set(registryAuthorities(ctx).map(({ path }) => path)),
      ],
      kubeconfigs: [...paths('kubeconfig'), hostPaths.kubeletKubeconfig],
    }),
  );
  g.add(
    'work-directory',
    [CONTROL_NODE],
    readCertificates({
      report,
      directories: [workDirs.getCertsDir('kubernetes'), workDirs.getCertsDir('etcd')],
      files: Object.values(ctx.cluster.spec.registry.caFiles),
      kubeconfigs: [workDirs.kubeconfigPath],
    }),
  );
  return g.done();
});

/** What the hosts have of all the cluster's certificates, beside what they should have. */
export function observeAllCertificates(ctx: PlanContext, findings: Findings): readonly ObservedCertificate[] {
  return observeWanted(ctx, findings, { report, wanted: allCertificates(ctx) });
}

function allCertificates(ctx: PlanContext): readonly WantedCertificate[] {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const leaves = kubernetesLeaves(ctx);
  const nodes = [...new Set([...controlPlanes, ...hostsWithRole(ctx, 'worker')])];
  return [
    ...controlPlanes.map((host) => authority(host, 'front-proxy-ca')),
    ...nodes.flatMap((host) => [
      authority(host, 'ca'),
      ...leaves.filter((leaf) => leaf.host === host).map((leaf) => wantedLeaf(ctx, leaf)),
      ...kubeletServing(host),
    ]),
    ...etcdsCertificates(ctx),
    ...registryAuthorities(ctx).map((each) => ({ ...each, sans: [] })),
    {
      host: CONTROL_NODE,
      path: ctx.workDirs.kubeconfigPath,
      isKubeconfig: true,
      authority: { ...clusterCa, is: 'signer' },
      sans: [],
    },
  ];
}

function authority(host: HostName, name: string): WantedCertificate {
  const own = { component: 'kubernetes', name } as const;
  return { host, path: `${kubernetesPki}/${name}.crt`, authority: { ...own, is: 'itself' }, own, sans: [] };
}

function wantedLeaf(ctx: PlanContext, leaf: KubernetesLeaf): WantedCertificate {
  const { kind, host, path, form, ca, sans = {}, isOptional = false } = leaf;
  return {
    host,
    path,
    isOptional,
    isKubeconfig: form === 'kubeconfig',
    authority: { component: 'kubernetes', name: ca, is: 'signer' },
    // One that was imported is to come to its place.
    ...(isKeyless(ctx, ca) ? { own: { component: 'kubernetes', name: leafName(leaf) } } : {}),
    ...(kind === 'apiserver' ? { chain: { component: 'kubernetes', name: crossName } } : {}),
    sans: [...(sans.dns ?? []).map((dns) => `DNS:${dns}`), ...(sans.ips ?? []).map((ip) => `IP:${ip}`)],
  };
}

/** A kubelet signs its own, unless it is told to ask the cluster for one. */
function kubeletServing(host: HostName): readonly WantedCertificate[] {
  return [
    { host, path: `${kubeletPki}/kubelet.crt`, sans: [], isOptional: true },
    {
      host,
      path: `${kubeletPki}/kubelet-server-current.pem`,
      authority: { ...clusterCa, is: 'signer' },
      sans: [],
      isOptional: true,
    },
  ];
}

/** Of an etcd of somebody else, the user's own client files. */
function etcdsCertificates(ctx: PlanContext): readonly WantedCertificate[] {
  if (ctx.cluster.spec.etcd.type === 'kubexm') return etcdCertificates(ctx);
  return hostsWithRole(ctx, 'control-plane').flatMap((host) =>
    ['ca', 'apiserver-etcd-client'].map((file) => ({ host, path: `${etcd.pki}/${file}.pem`, sans: [] })),
  );
}
