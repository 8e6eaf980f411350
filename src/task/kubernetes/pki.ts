import { apiServers } from '../../apis/kubexms/v1alpha1/api-servers.js';
import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, type Draft, draft, type Ref } from '../../plan/index.js';
import {
  generateKeyPair,
  generateKubeconfig,
  generateToken,
  type SecretRef,
  type StepContext,
} from '../../step/index.js';
import { defineTask, ownHosts, type PlanContext } from '../context.js';
import { controlPlanePki } from '../milestones.js';
import { authority, certificateFiles, signed, uploadSmallFile } from '../pki.js';
import { controlPlaneFiles } from './control-plane-files.js';
import { servingHosts } from './init-host.js';
import { administrator } from './leaves.js';
import { isKeyless, placeSigned, takenAdministrator } from './signed-elsewhere.js';

/** Path of the bootstrap token on the control machine. */
function tokenFile({ workDirs }: PlanContext): string {
  return `${workDirs.getCertsDir('kubernetes')}/bootstrap-token`;
}

/** The bootstrap token as a secret for params. */
export function bootstrapToken(ctx: PlanContext): SecretRef {
  return { $secret: `file:${tokenFile(ctx)}` };
}

/** The cluster CA's certificate on the control machine. */
export function clusterCaCert(ctx: PlanContext): string {
  return certificateFiles(ctx, 'kubernetes', 'ca').cert;
}

/**
 * CAs, the service-account key and the bootstrap token are made on the control machine and brought to the control planes:
 * no join needs anything from another host. The user's kubeconfig is made here as well.
 */
export const kubernetesPki = defineTask('kubernetes-pki', (ctx) => {
  const controlPlanes = ownHosts(ctx, 'control-plane');
  const directory = ctx.workDirs.getCertsDir('kubernetes');
  const g = draft<StepContext>('kubernetes-pki');
  const ca = clusterCa(g, ctx);
  const frontProxy = authority(g, ctx, {
    component: 'kubernetes',
    name: 'front-proxy-ca',
    commonName: 'front-proxy-ca',
  });
  const serviceAccount = g.shared(
    '/pki/kubernetes/sa',
    [CONTROL_NODE],
    generateKeyPair({ privateKey: `${directory}/sa.key`, publicKey: `${directory}/sa.pub` }),
  );
  const token = g.shared('/pki/kubernetes/bootstrap-token', [CONTROL_NODE], generateToken({ path: tokenFile(ctx) }));
  userKubeconfig(g, ctx, ca);
  const made = [ca, frontProxy, serviceAccount, token];
  const authorities = (['ca', 'front-proxy-ca'] as const).flatMap((name) =>
    isKeyless(ctx, name) ? [`${name}.crt`] : [`${name}.crt`, `${name}.key`],
  );
  const uploads = [...authorities, 'sa.key', 'sa.pub'].map((file) => {
    const source = `${directory}/${file}`;
    const mode = file.endsWith('.key') ? 0o600 : 0o644;
    return g.add(
      `upload-${file}`,
      controlPlanes,
      uploadSmallFile({ source, target: `${hostPaths.kubernetesPki}/${file}`, mode }),
      { after: made },
    );
  });
  // Those that serve get what changes together, before their static pods.
  const serving = servingHosts(ctx);
  const newcomers = controlPlanes.filter((host) => !serving.includes(host));
  g.provide(controlPlanePki, [
    ...uploads,
    ...controlPlaneFiles(g, ctx, { hosts: newcomers, after: made }),
    ...placeSigned(g, ctx, { hosts: newcomers, after: made }),
  ]);
  return g.done();
});

/**
 * The administrator's kubeconfig on the control machine; it names a control plane of the config. Its certificate is made
 * anew with no more than `renewBeforeDays` left, default 30.
 */
export function userKubeconfig(
  g: Draft<StepContext>,
  ctx: PlanContext,
  ca: Ref,
  { renewBeforeDays }: { readonly renewBeforeDays?: number } = {},
): Ref {
  const step = administratorKubeconfig(ctx, clusterCaCert(ctx));
  if (isKeyless(ctx, 'ca')) {
    const found = takenAdministrator(g, ctx, {
      after: ca,
      ...(renewBeforeDays === undefined ? {} : { renewBeforeDays }),
    });
    return g.add('kubeconfig', [CONTROL_NODE], step, { after: found });
  }
  const made = signed(g, ctx, { ...administrator, ca, ...(renewBeforeDays === undefined ? {} : { renewBeforeDays }) });
  return g.shared('/pki/kubernetes/kubeconfig', [CONTROL_NODE], step, { after: made });
}

/** The administrator's kubeconfig; `ca`: the file of the CA that it trusts. */
export function administratorKubeconfig(ctx: PlanContext, ca: string) {
  return generateKubeconfig({
    path: ctx.workDirs.kubeconfigPath,
    servers: apiServers(ctx.cluster),
    clusterName: ctx.cluster.metadata.name,
    user: 'kubexm-admin',
    ca,
    client: certificateFiles(ctx, 'kubernetes', administrator.name),
  });
}

/** The cluster's CA, made once on the control machine. */
export function clusterCa(g: Draft<StepContext>, ctx: PlanContext): Ref {
  return authority(g, ctx, { component: 'kubernetes', name: 'ca', commonName: 'kubernetes' });
}
