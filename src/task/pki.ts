import type { CertsComponent } from '../common/work-dirs.js';
import { CONTROL_NODE, type Draft, type Ref } from '../plan/index.js';
import {
  type CertificateFiles,
  type GenerateSignedCert,
  generateCACert,
  generateSignedCert,
  type StepContext,
} from '../step/index.js';
import type { PlanContext } from './context.js';

/** Where the certificate and key of this name are on the control machine. etcd's are .pem, kubeadm's .crt and .key. */
export function certificateFiles({ workDirs }: PlanContext, component: CertsComponent, name: string): CertificateFiles {
  const base = `${workDirs.getCertsDir(component)}/${name}`;
  return component === 'etcd'
    ? { cert: `${base}.pem`, key: `${base}-key.pem` }
    : { cert: `${base}.crt`, key: `${base}.key` };
}

/** A CA, made once on the control machine, whoever asks. */
export function authority(
  g: Draft<StepContext>,
  ctx: PlanContext,
  {
    component,
    name,
    commonName,
  }: { readonly component: CertsComponent; readonly name: string; readonly commonName: string },
): Ref {
  const files = certificateFiles(ctx, component, name);
  return g.shared(`/pki/${component}/${name}`, [CONTROL_NODE], generateCACert({ files, subject: { commonName } }));
}

/** A certificate signed by that component's `ca`, made once on the control machine, whoever asks. */
export function signed(
  g: Draft<StepContext>,
  ctx: PlanContext,
  {
    component,
    name,
    ca,
    ...certificate
  }: { readonly component: CertsComponent; readonly name: string; readonly ca: Ref } & Omit<
    GenerateSignedCert,
    'files' | 'ca'
  >,
): Ref {
  const step = generateSignedCert({
    ...certificate,
    files: certificateFiles(ctx, component, name),
    ca: certificateFiles(ctx, component, 'ca'),
  });
  return g.shared(`/pki/${component}/${name}`, [CONTROL_NODE], step, { after: ca });
}
