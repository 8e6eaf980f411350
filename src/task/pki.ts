import type { OwnCaFiles } from '../apis/kubexms/v1alpha1/index.js';
import type { CertsComponent } from '../common/work-dirs.js';
import { CONTROL_NODE, type Draft, type Ref, type Step } from '../plan/index.js';
import {
  type CertificateFiles,
  fileDigest,
  type GenerateSignedCert,
  generateCACert,
  generateSignedCert,
  keylessCa,
  ownCa,
  type StepContext,
  uploadFile,
} from '../step/index.js';
import type { PlanContext } from './context.js';

/** Where the certificate and key of this name are on the control machine. etcd's are .pem, kubeadm's .crt and .key. */
export function certificateFiles({ workDirs }: PlanContext, component: CertsComponent, name: string): CertificateFiles {
  const base = `${workDirs.getCertsDir(component)}/${name}`;
  return component === 'etcd'
    ? { cert: `${base}.pem`, key: `${base}-key.pem` }
    : { cert: `${base}.crt`, key: `${base}.key` };
}

/** A CA, made once on the control machine, whoever asks; or the user's own, where the config names one. */
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
  const own = ownFiles(ctx, component, name);
  const step =
    own === undefined
      ? generateCACert({ files, subject: { commonName } })
      : own.keyFile === undefined
        ? keylessCa({ files, source: own.certFile })
        : ownCa({ files, source: { cert: own.certFile, key: own.keyFile } });
  return g.shared(`/pki/${component}/${name}`, [CONTROL_NODE], step);
}

/** The user's file of a CA whose key is not on this machine; undefined where kubexm signs itself. */
export function keylessSource(ctx: PlanContext, component: CertsComponent, name: string): string | undefined {
  const own = ownFiles(ctx, component, name);
  return own?.keyFile === undefined ? own?.certFile : undefined;
}

function ownFiles({ cluster }: PlanContext, component: CertsComponent, name: string): OwnCaFiles | undefined {
  const { certs } = cluster.spec;
  if (component === 'etcd') return name === 'ca' ? certs.etcdCa : undefined;
  return { ca: certs.ca, 'front-proxy-ca': certs.frontProxyCa }[name];
}

/** A certificate by its name on the control machine, and by that of the CA of its component that signs it (default: `ca`). */
export interface Signed extends Omit<GenerateSignedCert, 'files' | 'ca'> {
  readonly component: CertsComponent;
  readonly name: string;
  readonly signer?: string;
}

/** A certificate signed by a CA of the component, made once on the control machine, whoever asks. */
export function signed(
  g: Draft<StepContext>,
  ctx: PlanContext,
  { ca, ...certificate }: Signed & { readonly ca: Ref },
): Ref {
  const { component, name } = certificate;
  return g.shared(`/pki/${component}/${name}`, [CONTROL_NODE], signing(ctx, certificate), { after: ca });
}

/** The step of it alone. */
export function signing(ctx: PlanContext, { component, name, signer = 'ca', ...certificate }: Signed) {
  return generateSignedCert({
    ...certificate,
    files: certificateFiles(ctx, component, name),
    ca: certificateFiles(ctx, component, signer),
  });
}

/**
 * Brings a file that this run makes or checks on the control machine to its place. Such files are small: they do not
 * queue behind the archives for one of the places for uploads.
 */
export function uploadSmallFile({
  source,
  target,
  mode,
}: {
  readonly source: string;
  readonly target: string;
  readonly mode: number;
}): Step<StepContext> {
  return uploadFile({ source, target, mode, sha256: fileDigest(source) }, { uses: [] });
}
