import type { CertsComponent } from '../../common/work-dirs.js';
import { CONTROL_NODE, type Draft, type Ref } from '../../plan/index.js';
import { type CertificateFiles, nextCa, type StepContext } from '../../step/index.js';
import type { PlanContext } from '../context.js';
import type { KubernetesLeaf } from '../kubernetes/leaves.js';
import { certificateFiles, type Signed, signing } from '../pki.js';
import { leafCertificate } from './leaf-files.js';
import { nextName } from './observe.js';

/** `isSigned`: the new CA has signed everything, and is trusted everywhere. `source`: the user's own files for it. */
export interface CaChange {
  readonly isSigned: boolean;
  readonly source?: CertificateFiles;
}

/** The CA that is to come, on the control machine. */
export function madeNext(
  g: Draft<StepContext>,
  ctx: PlanContext,
  {
    component,
    name,
    cross,
    change: { source },
  }: {
    readonly component: CertsComponent;
    readonly name: string;
    readonly cross?: string;
    readonly change: CaChange;
  },
): Ref {
  const { current, next } = authorityFiles(ctx, component, name);
  const step = nextCa({
    current,
    next,
    ...(cross === undefined ? {} : { cross }),
    ...(source === undefined ? {} : { source }),
  });
  // Of this task's own: what is shared does not wait for the gate, and that it is there says that a rotation is under way.
  return g.add('ca-next', [CONTROL_NODE], step);
}

/** Of the cluster's CA: kubeadm's name for its file, and those of the rotation. */
export function authorityFiles(ctx: PlanContext, component: CertsComponent, name: string) {
  return {
    current: certificateFiles(ctx, component, name),
    next: certificateFiles(ctx, component, nextName(name)),
    previous: certificateFiles(ctx, component, `${name}-previous`),
  };
}

/** A certificate on the control machine, signed by the CA that is to come. Not shared, as that CA is not. */
export function signedByNext(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { made, signer = 'ca', ...certificate }: Signed & { readonly made: Ref },
): Ref {
  const step = signing(ctx, { ...certificate, signer: nextName(signer) });
  return g.add(`sign-${certificate.name}`, [CONTROL_NODE], step, { after: made });
}

/** The same for a leaf of Kubernetes. */
export function leafByNext(g: Draft<StepContext>, ctx: PlanContext, leaf: KubernetesLeaf, made: Ref): Ref {
  return signedByNext(g, ctx, { ...leafCertificate(leaf), made });
}
