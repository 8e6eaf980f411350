import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, CONTROL_NODE, type Draft, draft, type HostName, type Ref } from '../../plan/index.js';
import { kubeletClient, kubeletsReport, requireCa, requireSigned, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import type { EtcdHealth } from '../etcd/health.js';
import { renewEtcdCertificates } from '../etcd/renew.js';
import { initHost } from '../kubernetes/init-host.js';
import { type KubernetesLeaf, kubernetesLeaves, leafName } from '../kubernetes/leaves.js';
import { userKubeconfig } from '../kubernetes/pki.js';
import {
  administratorElsewhere,
  isKeyless,
  keylessAuthority,
  leafElsewhere,
  taken,
} from '../kubernetes/signed-elsewhere.js';
import { certificateFiles, signed } from '../pki.js';
import { apiServed, restartReaders } from './control-plane.js';
import { leafCertificate, placedLeaf, servedFiles } from './leaf-files.js';
import { type ObservedCertificate, rotationToEnd } from './observe.js';

const { etcd } = hostPaths;

/** Kinds of certificates beside those of the nodes. */
const otherKinds = ['etcd', 'kubeconfig'] as const;

/** What is to be renewed, and what the plan rests on. `etcd`: absent for an etcd of somebody else. */
export interface RenewAll {
  /** Certificates with no more days left than this are made anew, and those that are not as they should be. */
  readonly withinDays: number;
  /** Kinds of certificates; absent: all. */
  readonly only?: readonly string[];
  readonly certificates: readonly ObservedCertificate[];
  readonly etcd?: EtcdHealth;
}

/** All words that `only` may have. */
export function certificateKinds(ctx: PlanContext): readonly string[] {
  return [...new Set(kubernetesLeaves(ctx).map(({ kind }) => kind)), ...otherKinds];
}

/** The leaves on nodes that are due. Hosts that do not answer have none. */
export function dueLeaves(ctx: PlanContext, params: Omit<RenewAll, 'etcd'>): readonly KubernetesLeaf[] {
  return kubernetesLeaves(ctx).filter((leaf) => {
    if (!isAsked(params, leaf.kind) || !ctx.facts.has(leaf.host)) return false;
    const found = params.certificates.find(({ host, path }) => host === leaf.host && path === leaf.path);
    return found !== undefined && isDue(leaf, found, { ...params, isKeyless: isKeyless(ctx, leaf.ca) });
  });
}

/** Certificates of etcd that are due. */
export function dueOfEtcd({ certificates, ...params }: RenewAll): readonly ObservedCertificate[] {
  if (!isAsked(params, 'etcd')) return [];
  return certificates.filter(
    ({ path, state, daysLeft, missingSans = [], isOwn, isSignedByOwn }) =>
      path.startsWith(`${etcd.pki}/`) &&
      path !== `${etcd.pki}/ca.pem` &&
      state !== 'unknown' &&
      (daysLeft === undefined ||
        daysLeft <= params.withinDays ||
        missingSans.length > 0 ||
        isOwn === false ||
        isSignedByOwn === false),
  );
}

function isAsked({ only }: Pick<RenewAll, 'only'>, kind: string): boolean {
  return only === undefined || only.includes(kind);
}

/**
 * A kubelet asks for its next certificate itself, early enough: only what it cannot mend any more is made for it. Where nobody
 * signs what it would ask for, its certificate is one like the others.
 */
function isDue(
  { form, kind }: KubernetesLeaf,
  { state, daysLeft = -1, missingSans = [], isOwn, isSignedByOwn, trustsOwn, lacksChain }: ObservedCertificate,
  { withinDays, only, isKeyless: isSigned }: Pick<RenewAll, 'withinDays' | 'only'> & { readonly isKeyless: boolean },
): boolean {
  if (state === 'unknown') return false;
  if (
    state !== 'present' ||
    missingSans.length > 0 ||
    isOwn === false ||
    isSignedByOwn === false ||
    trustsOwn === false ||
    lacksChain === true
  )
    return true;
  if (form === 'kubelet' && !isSigned && only?.includes(kind) !== true) return daysLeft < 0;
  return daysLeft <= withinDays;
}

/** What must be known before anything changes: this machine has the CAs that are to sign, with their keys. */
export function requireAuthorities(params: RenewAll): Task {
  return defineTask('require-authorities', (ctx) => {
    guard(params.certificates);
    const g = draft<StepContext>('require-authorities');
    const due = dueLeaves(ctx, params);
    const elsewhere = [
      ...due.filter(({ ca }) => isKeyless(ctx, ca)).map((leaf) => leafElsewhere(ctx, leaf)),
      ...(isAsked(params, 'kubeconfig') ? administratorElsewhere(ctx) : []),
    ].map((certificate) => ({ ...certificate, minDays: params.withinDays }));
    if (elsewhere.length > 0) g.add('signed-elsewhere', [CONTROL_NODE], requireSigned({ certificates: elsewhere }));
    for (const name of new Set(due.map(({ ca }) => ca).filter((ca) => !isKeyless(ctx, ca))))
      g.add(name, [CONTROL_NODE], requireCa({ files: certificateFiles(ctx, 'kubernetes', name) }));
    if (params.etcd !== undefined && dueOfEtcd(params).length > 0)
      g.add('etcd-ca', [CONTROL_NODE], requireCa({ files: certificateFiles(ctx, 'etcd', 'ca') }));
    return g.done();
  });
}

/**
 * What is due is signed on the control machine and brought to its place: etcd first, on which the apiservers hang, then one
 * control plane after the other, each proved on the wire before the next, then kubelets that cannot renew theirs themselves.
 * An apiserver reads its files again by itself; a controller manager or a scheduler is restarted with its new kubeconfig.
 */
export function renewAllCertificates(params: RenewAll): Task {
  return defineTask('renew-all', (ctx) => {
    const due = dueLeaves(ctx, params);
    const g = draft<StepContext>('renew-all');
    const ofEtcd =
      params.etcd !== undefined && dueOfEtcd(params).length > 0
        ? [g.include(renewEtcdCertificates({ renewBeforeDays: params.withinDays, observed: params.etcd }).plan(ctx))]
        : [];
    let turn: After = ofEtcd;
    for (const host of hostsWithRole(ctx, 'control-plane').filter((name) => ctx.facts.has(name))) {
      const own = due.filter((leaf) => leaf.host === host && leaf.form !== 'kubelet');
      turn = renewControlPlane(g, ctx, { host, own, after: turn, withinDays: params.withinDays });
    }
    const kubelets = due
      .filter(({ form }) => form === 'kubelet')
      .map((leaf) => {
        const made = madeLeaf(g, ctx, leaf, params.withinDays);
        const client = certificateFiles(ctx, 'kubernetes', leafName(leaf));
        const { host } = leaf;
        const step = kubeletClient({ nodeName: host, client });
        return { host, given: g.add(`kubelet-${host}`, [host], step, { after: [made, turn] }) };
      });
    if (kubelets.length > 0) {
      const report = kubeletsReport({ nodes: kubelets.map(({ host }) => host) });
      g.add('kubelets-report', [initHost(ctx)], report, { after: kubelets.map(({ given }) => given) });
    }
    if (isAsked(params, 'kubeconfig'))
      userKubeconfig(g, ctx, required(g, ctx, 'ca'), { renewBeforeDays: params.withinDays });
    return g.done();
  });
}

function renewControlPlane(
  g: Draft<StepContext>,
  ctx: PlanContext,
  {
    host,
    own,
    after,
    withinDays,
  }: {
    readonly host: HostName;
    readonly own: readonly KubernetesLeaf[];
    readonly after: After;
    readonly withinDays: number;
  },
): Ref {
  const installed = own.map((leaf) => {
    const { source, ready } = servedFiles(g, ctx, leaf, madeLeaf(g, ctx, leaf, withinDays));
    const step = placedLeaf(leaf, { source, ca: certificateFiles(ctx, 'kubernetes', 'ca').cert });
    return g.add(`install-${leaf.kind}-${host}`, [host], step, { after: [ready, after] });
  });
  const served = g.add(`served-${host}`, [host], apiServed(ctx, host), { after: [after, ...installed] });
  return restartReaders(g, ctx, host, served);
}

/** Signed on the control machine. */
function madeLeaf(g: Draft<StepContext>, ctx: PlanContext, leaf: KubernetesLeaf, renewBeforeDays: number): Ref {
  if (isKeyless(ctx, leaf.ca)) return taken(g, ctx, leaf, renewBeforeDays);
  return signed(g, ctx, { ...leafCertificate(leaf), ca: required(g, ctx, leaf.ca), renewBeforeDays });
}

/** The CA that is there; none is ever made here. */
function required(g: Draft<StepContext>, ctx: PlanContext, name: KubernetesLeaf['ca']): Ref {
  if (isKeyless(ctx, name)) return keylessAuthority(g, ctx, name);
  return g.shared(
    `/pki/kubernetes/required-${name}`,
    [CONTROL_NODE],
    requireCa({ files: certificateFiles(ctx, 'kubernetes', name) }),
  );
}

/** Why nothing may be signed for this cluster now. */
function guard(certificates: readonly ObservedCertificate[]): void {
  const foreign = certificates.filter(
    ({ isOwn, path, source }) =>
      isOwn === false && source === undefined && /\/(front-proxy-)?ca\.(crt|pem)$/.test(path),
  );
  const rotation = rotationToEnd(certificates);
  if (rotation !== undefined) {
    throw new KubexmError('GUARD_REFUSED', 'the rotation of a CA is half done', {
      details: certificates
        .filter(({ trusted = 1, isSignedByNext }) => trusted > 1 || isSignedByNext === false)
        .map(({ host, path, trusted = 1 }) =>
          trusted > 1 ? `${path} on ${host} trusts ${trusted} CAs` : `${path} on ${host} is of the old one`,
        ),
      hint: `go on with it: ${rotation}`,
      retryable: false,
    });
  }
  if (foreign.length === 0) return;
  throw new KubexmError('GUARD_REFUSED', 'the CAs of the cluster are not those of the work directory of this machine', {
    details: foreign.map(({ host, path }) => `${path} on ${host} is another one than that of the work directory`),
    hint: 'run this in the directory whose .kubexm made the cluster; or, where that is lost: kubexm cluster adopt',
    retryable: false,
  });
}
