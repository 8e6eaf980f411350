import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft, type HostName, type Ref } from '../../plan/index.js';
import {
  type DigestsReport,
  fetchFile,
  readDigests,
  requireCa,
  requireKeylessCa,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { bringKeys, forecastKeys, type KeysToAdopt, observeKeysToAdopt } from '../encryption/adopt.js';
import { etcdLeaves } from '../etcd/leaves.js';
import { type Findings, reported } from '../findings.js';
import { kubernetesLeaves, leafName } from '../kubernetes/leaves.js';
import { userKubeconfig } from '../kubernetes/pki.js';
import { isKeyless } from '../kubernetes/signed-elsewhere.js';
import { type NodesObservation, observeNodes } from '../node/nodes.js';
import { certificateFiles, keylessSource } from '../pki.js';

const report = 'adopt:digests';
const authorities = ['ca', 'front-proxy-ca'] as const;
const { etcd, kubernetes, kubernetesPki } = hostPaths;
/** Made by kubeadm where it brings an etcd of its own. */
const kubeadmEtcd = `${kubernetes}/manifests/etcd.yaml`;

/** A file of the work directory, and where on hosts it is. */
interface AdoptedFile {
  readonly target: string;
  readonly mode: number;
  readonly path: string;
  readonly hosts: readonly HostName[];
  /** The cluster can be looked after without it. */
  readonly isOptional: boolean;
}

/** What hosts and the API tell of a running cluster. */
export interface AdoptionObservation {
  /** Digests by path, by host; the control machine's among them. */
  readonly digests: ReadonlyMap<HostName, DigestsReport>;
  readonly nodes: NodesObservation;
  readonly keys: KeysToAdopt;
}

/** Reads what there is to adopt, on the hosts and in the work directory. */
export const readAdoption = defineTask('read-adoption', (ctx) => {
  const files = adoptedFiles(ctx);
  const g = draft<StepContext>('read-adoption');
  const hosts = [...new Set(files.flatMap((file) => file.hosts))].filter((host) => ctx.facts.has(host));
  for (const host of hosts) {
    const paths = files.filter((file) => file.hosts.includes(host)).map(({ path }) => path);
    g.add(`digests-${host}`, [host], readDigests({ report, paths: [...paths, kubeadmEtcd] }));
  }
  g.add('work-directory', [CONTROL_NODE], readDigests({ report, paths: files.map(({ target }) => target) }));
  return g.done();
});

export function observeAdoption(ctx: PlanContext, findings: Findings): AdoptionObservation {
  const digests = new Map(reported<DigestsReport>(findings, report).map(({ host, data }) => [host, data]));
  return { digests, nodes: observeNodes(ctx, findings), keys: observeKeysToAdopt(findings) };
}

/** What an adoption would bring, and what it could not. Throws GUARD_REFUSED where hosts and work directory do not fit together. */
export function forecastAdoption(
  ctx: PlanContext,
  observed: AdoptionObservation,
): {
  readonly fetch: readonly FoundFile[];
  /** What else comes, or stays on hosts. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  /** There is no kubeconfig before somebody has signed for it. */
  readonly lacksAdministrator: boolean;
} {
  checkApi(ctx, observed);
  const files = adoptedFiles(ctx);
  const found = files.flatMap((file) => foundFile(file, observed) ?? []);
  const missing = files.filter((file) => !found.some(({ target }) => target === file.target));
  const needed = missing.filter(({ isOptional }) => !isOptional);
  const other = found.filter(({ isOther }) => isOther);
  const wrong = [
    ...needed.map(({ path, hosts }) => `${path} is on none of ${hosts.join(', ')}`),
    ...found.filter(({ disagree }) => disagree.length > 0).map(({ path, disagree }) => `${path}: ${disagree}`),
    ...other.map(({ path, host, target }) => `${target} is another one than ${path} on ${host}`),
  ];
  if (wrong.length > 0) {
    throw new KubexmError('GUARD_REFUSED', 'this cluster cannot be adopted as it is; nothing was written', {
      details: wrong,
      hint:
        other.length > 0
          ? 'the work directory is of another cluster: run this in an empty directory'
          : 'put the files right on the hosts named, or import an archive: kubexm certs import FILE',
      retryable: false,
    });
  }
  const keys = forecastKeys(ctx, observed.keys);
  const lacksAdministrator = isKeyless(ctx, 'ca');
  const unsigned = "no kubeconfig: the administrator's certificate has to be signed by whoever has the key of the CA";
  return {
    fetch: found,
    notes: keys.brought,
    warnings: [...(lacksAdministrator ? [unsigned] : []), ...warningsOf(ctx, missing, observed), ...keys.warnings],
    lacksAdministrator,
  };
}

/**
 * Brings CAs and keys from the hosts into the work directory, and makes the administrator's kubeconfig, which somebody else has to
 * sign for where the CA has no key.
 */
export function adoptCluster(observed: AdoptionObservation): Task {
  return defineTask('adopt', (ctx) => {
    const { fetch } = forecastAdoption(ctx, observed);
    const g = draft<StepContext>('adopt');
    const fetched = new Map<string, Ref>();
    for (const { host, path, sha256, target, mode } of fetch)
      fetched.set(target, g.shared(`/adopt/${nameOf(target)}`, [host], fetchFile({ path, sha256, target, mode })));
    bringKeys(g, ctx, observed.keys);
    const all = [...fetched.values()];
    for (const name of authorities) {
      const files = certificateFiles(ctx, 'kubernetes', name);
      const source = keylessSource(ctx, 'kubernetes', name);
      if (source !== undefined) {
        g.add(`known-${name}`, [CONTROL_NODE], requireKeylessCa({ source, files }), { after: all });
        continue;
      }
      const proved = g.shared(`/adopt/prove-${name}`, [CONTROL_NODE], requireCa({ files }), { after: all });
      if (name === 'ca') userKubeconfig(g, ctx, proved);
    }
    const etcdCa = certificateFiles(ctx, 'etcd', 'ca');
    if (fetched.has(etcdCa.key)) g.add('prove-etcd-ca', [CONTROL_NODE], requireCa({ files: etcdCa }), { after: all });
    return g.done();
  });
}

interface FoundFile extends AdoptedFile {
  /** The one that it is fetched from. */
  readonly host: HostName;
  readonly sha256: string;
  /** Which hosts have another one than the first; empty where all have the same. */
  readonly disagree: string;
  /** The work directory has another one. */
  readonly isOther: boolean;
}

function foundFile(file: AdoptedFile, { digests }: AdoptionObservation): FoundFile | undefined {
  const there = file.hosts.flatMap((host) => {
    const sha256 = digests.get(host)?.[file.path];
    return sha256 === undefined ? [] : [{ host, sha256 }];
  });
  const [first] = there;
  if (first === undefined) return undefined;
  const others = there.filter(({ sha256 }) => sha256 !== first.sha256).map(({ host }) => host);
  const own = digests.get(CONTROL_NODE)?.[file.target];
  return {
    ...file,
    ...first,
    disagree: others.length === 0 ? '' : `${others.join(', ')} has another one than ${first.host}`,
    isOther: own !== undefined && own !== first.sha256,
  };
}

/** The hosts of the config have to be those of the cluster that answers there. */
function checkApi(ctx: PlanContext, { nodes: { objects }, digests }: AdoptionObservation): void {
  const local = [...digests].filter(([, found]) => found[kubeadmEtcd] !== undefined).map(([host]) => host);
  if (local.length > 0) {
    throw new KubexmError('GUARD_REFUSED', `etcd is a static pod of kubeadm on ${local.join(', ')}`, {
      details: [
        'kubexm looks after an etcd of its own, as a service, or leaves one to its owner (etcd.type: external)',
      ],
      hint: 'move etcd out of the static pods first: kubexm cannot adopt it',
      retryable: false,
    });
  }
  if (objects === null) {
    throw new KubexmError('GUARD_REFUSED', 'no control plane of the config answers as the API of a cluster', {
      hint: 'there must be a cluster to adopt: kubexm cluster status; on a control plane: crictl ps -a',
      retryable: false,
    });
  }
  const names = objects.map(({ metadata }) => metadata.name);
  const strangers = hostsWithRole(ctx, 'control-plane').filter((host) => !names.includes(host));
  if (strangers.length === 0) return;
  throw new KubexmError('GUARD_REFUSED', `${strangers.join(', ')} is no node of the cluster that answers`, {
    details: [`its nodes: ${names.join(', ')}`],
    hint: 'give the hosts of the config the names that their nodes have (kubectl get nodes)',
    retryable: false,
  });
}

function warningsOf(
  ctx: PlanContext,
  missing: readonly AdoptedFile[],
  { nodes: { objects, nodes } }: AdoptionObservation,
): readonly string[] {
  const { version } = ctx.cluster.spec.kubernetes;
  const etcdKey = certificateFiles(ctx, 'etcd', 'ca').key;
  const versions = new Set((objects ?? []).map(({ status }) => status?.nodeInfo?.kubeletVersion ?? 'unknown'));
  const strangers = nodes.filter(({ inConfig }) => !inConfig).map(({ name }) => name);
  const absent = nodes.filter(({ state }) => state === 'absent').map(({ name }) => name);
  return [
    ...(missing.some(({ target }) => target === etcdKey)
      ? ["the key of etcd's CA is on no member: nothing can be signed for etcd until kubexm certs rotate-ca etcd"]
      : []),
    ...([...versions].every((each) => each === version)
      ? []
      : [`nodes run ${[...versions].join(', ')}, the config says ${version}: put the running version there`]),
    ...(strangers.length > 0 ? [`nodes that the config does not have: ${strangers.join(', ')}`] : []),
    ...(absent.length > 0 ? [`hosts of the config that are no nodes yet: ${absent.join(', ')}`] : []),
  ];
}

function adoptedFiles(ctx: PlanContext): readonly AdoptedFile[] {
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const directory = ctx.workDirs.getCertsDir('kubernetes');
  const ofAuthorities = authorities.flatMap((name) => [
    `${name}.crt`,
    ...(isKeyless(ctx, name) ? [] : [`${name}.key`]),
  ]);
  const ofCluster = [...ofAuthorities, 'sa.key', 'sa.pub'].map((file) => ({
    target: `${directory}/${file}`,
    mode: file.endsWith('.key') ? 0o600 : 0o644,
    path: `${kubernetesPki}/${file}`,
    hosts: controlPlanes,
    isOptional: false,
  }));
  const ofEtcd = ctx.cluster.spec.etcd.type === 'kubexm' ? etcdFiles(ctx) : [];
  return [...ofCluster, ...signedElsewhereFiles(ctx), ...ofEtcd];
}

/** What somebody else has signed need not be signed again. Those in kubeconfigs stay there until they are due. */
function signedElsewhereFiles(ctx: PlanContext): readonly AdoptedFile[] {
  return kubernetesLeaves(ctx)
    .filter(({ form, ca }) => form === 'pair' && isKeyless(ctx, ca))
    .flatMap((leaf) => {
      const { cert, key } = certificateFiles(ctx, 'kubernetes', leafName(leaf));
      const { path, host } = leaf;
      return [
        { target: cert, mode: 0o644, path, hosts: [host], isOptional: true },
        { target: key, mode: 0o600, path: path.replace(/\.crt$/, '.key'), hosts: [host], isOptional: true },
      ];
    });
}

/** The leaves too: with them, what is as it should be is signed by nobody again. */
function etcdFiles(ctx: PlanContext): readonly AdoptedFile[] {
  const members = hostsWithRole(ctx, 'etcd');
  const pair = (
    name: string,
    file: string,
    hosts: readonly HostName[],
    isOptional: boolean,
  ): readonly AdoptedFile[] => {
    const { cert, key } = certificateFiles(ctx, 'etcd', name);
    return [
      { target: cert, mode: 0o644, path: `${etcd.pki}/${file}.pem`, hosts, isOptional },
      { target: key, mode: 0o600, path: `${etcd.pki}/${file}-key.pem`, hosts, isOptional: true },
    ];
  };
  return [
    ...pair('ca', 'ca', members, false),
    ...etcdLeaves(ctx).flatMap(({ name, file, hosts }) => pair(name, file, hosts, true)),
  ];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/certs/') + '/certs/'.length).replaceAll('/', '-');
}
