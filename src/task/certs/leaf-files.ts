import { CONTROL_NODE, type Draft, type Ref } from '../../plan/index.js';
import {
  type CertificateFiles,
  chainFile,
  installKeyPair,
  kubeconfigCredentials,
  type StepContext,
} from '../../step/index.js';
import type { PlanContext } from '../context.js';
import { type KubernetesLeaf, leafName } from '../kubernetes/leaves.js';
import { certificateFiles, type Signed } from '../pki.js';
import { crossName } from './observe.js';

/** As it is signed on the control machine, by the CA of its own. */
export function leafCertificate(leaf: KubernetesLeaf): Signed {
  const { subject, usages, sans, ca: signer } = leaf;
  const name = leafName(leaf);
  return { component: 'kubernetes', name, signer, subject, usages, ...(sans === undefined ? {} : { sans }) };
}

/** Brings it to its place: a pair, which apiservers read again by themselves, or into a kubeconfig beside what that trusts. */
export function placedLeaf(
  { form, path }: KubernetesLeaf,
  { source, ca }: { readonly source: CertificateFiles; readonly ca: string },
) {
  return form === 'kubeconfig'
    ? kubeconfigCredentials({ path, client: source, ca })
    : installKeyPair({ source, target: { cert: path, key: path.replace(/\.crt$/, '.key') }, keep: false });
}

/** Under the old CA's signature, so that clients which were started with that one alone find their way. */
export function crossFile(ctx: PlanContext): string {
  return certificateFiles(ctx, 'kubernetes', crossName).cert;
}

/** What an apiserver serves has the cross certificate behind it, where there is one. */
export function servedFiles(g: Draft<StepContext>, ctx: PlanContext, leaf: KubernetesLeaf, made: Ref) {
  const files = certificateFiles(ctx, 'kubernetes', leafName(leaf));
  if (leaf.kind !== 'apiserver') return { source: files, ready: made };
  const path = certificateFiles(ctx, 'kubernetes', `${leafName(leaf)}-chain`).cert;
  const ready = g.add(
    `chain-${leaf.host}`,
    [CONTROL_NODE],
    chainFile({ path, parts: [files.cert], optional: crossFile(ctx) }),
    { after: made },
  );
  return { source: { cert: path, key: files.key }, ready };
}
