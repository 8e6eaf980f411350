import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft } from '../../plan/index.js';
import { type CertificateFiles, kubeletsReport, requireCa, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, nodeHosts, type PlanContext, type Task } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { isKeyless } from '../kubernetes/signed-elsewhere.js';
import { certificateFiles } from '../pki.js';
import { apiServed } from './control-plane.js';
import type { ObservedCertificate, Rotatable } from './observe.js';
import { rotateClusterCa } from './rotate-cluster.js';
import { rotateEtcdCa } from './rotate-etcd.js';
import { rotateFrontProxyCa } from './rotate-front-proxy.js';
import type { CaChange } from './rotation-parts.js';

const { kubernetesPki, etcd } = hostPaths;

/** `certificates`: as they are now; how far a rotation is stands in them and nowhere else. */
export interface RotateCa {
  readonly which: Rotatable;
  readonly certificates: readonly ObservedCertificate[];
  /** Names of the nodes that the API has. */
  readonly nodes: readonly string[];
  /** The user's own files for the CA that is to come. Absent: one is made. */
  readonly source?: CertificateFiles;
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
function isLeafOf(which: Rotatable, { host, path, source }: ObservedCertificate): boolean {
  if (source !== undefined) return false;
  const isEtcd = path.startsWith(`${etcd.pki}/`);
  const isFrontProxy = path.endsWith('/front-proxy-client.crt');
  if (host === CONTROL_NODE || /\/kubelet(-server-current\.pem|\.crt)$/.test(path)) return false;
  return which === 'etcd' ? isEtcd : which === 'front-proxy' ? isFrontProxy : !isEtcd && !isFrontProxy;
}

/** What a rotation needs before anything changes. Throws GUARD_REFUSED. */
function guardRotation(ctx: PlanContext, { which, certificates, nodes }: RotateCa): void {
  const { cluster } = ctx;
  if (which !== 'etcd' && isKeyless(ctx, which === 'cluster' ? 'ca' : 'front-proxy-ca')) {
    throw refused(
      'the key of the CA is not here: kubexm can sign nothing anew in a rotation',
      [`spec.certs.${which === 'cluster' ? 'ca' : 'frontProxyCa'} has no keyFile`],
      'where this CA ends, make a new cluster with another one; certificates of this one: kubexm certs csr, import-signed and renew',
    );
  }
  if (which === 'etcd' && cluster.spec.etcd.type === 'external') {
    throw refused("the CA of etcd is not the cluster's own (etcd.type: external)", [], 'ask whoever runs that etcd');
  }
  const verified = 'kubelet-certificate-authority';
  if (which === 'cluster' && cluster.spec.kubernetes.apiServer.extraArgs[verified] !== undefined) {
    throw refused(
      'apiservers are told to look who signed what kubelets serve, and kubelets have that signed anew in their own time',
      [`spec.kubernetes.apiServer.extraArgs has ${verified}: logs and exec would fail once the old CA is gone`],
      `take ${verified} out, kubexm cluster apply, rotate, and put it back when kubexm certs list shows no kubelet-server-current.pem of the old CA`,
    );
  }
  const unknown = certificates.filter(({ state }) => state === 'unknown' || state === 'broken');
  const strangers =
    which === 'cluster' ? nodes.filter((name) => !cluster.spec.hosts.some((host) => host.name === name)) : [];
  // An API that does not answer names none; what a rotation has begun has to be gone on with all the same.
  const absent = which === 'cluster' && nodes.length > 0 ? nodeHosts(ctx).filter((host) => !nodes.includes(host)) : [];
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
  if (absent.length > 0)
    throw refused(
      'hosts of the config are no nodes of the cluster',
      absent,
      'kubexm cluster status; add them (kubexm node add), or take them out of the config',
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
      g.add('kubelets', [initHost(ctx)], kubeletsReport({ nodes: nodeHosts(ctx) }));
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
    const { source } = params;
    const change: CaChange = { isSigned: rotationPass(params) === 'drop', ...(source === undefined ? {} : { source }) };
    switch (params.which) {
      case 'cluster':
        rotateClusterCa(g, ctx, change);
        break;
      case 'front-proxy':
        rotateFrontProxyCa(g, ctx, change);
        break;
      case 'etcd':
        rotateEtcdCa(g, ctx, change);
        break;
    }
    return g.done();
  });
}

function refused(message: string, details: readonly string[], hint: string): KubexmError {
  return new KubexmError('GUARD_REFUSED', message, { details, hint, retryable: false });
}
