import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { type CertificateFiles, fileChecksum, fileDigest, installKeyPair, type StepContext } from '../../step/index.js';
import { etcdCaKeyHosts } from '../certs/renewal-timer.js';
import { defineTask, type Fragment, hostsWithRole, type PlanContext } from '../context.js';
import { authority, certificateFiles, signed, uploadSmallFile } from '../pki.js';
import { etcdLeaves } from './leaves.js';

const { pki } = hostPaths.etcd;
const client = 'apiserver-etcd-client';

/** Makes etcd's CA and certificates on the control machine and brings them to members and control planes. */
export const etcdCertificates = defineTask('etcd-certificates', (ctx) => {
  const { etcd } = ctx.cluster.spec;
  return etcd.type === 'external' ? externalClient(ctx, etcd) : ownCertificates(ctx);
});

function ownCertificates(ctx: PlanContext): Fragment {
  const members = hostsWithRole(ctx, 'etcd');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const g = draft<StepContext>('etcd-certificates');
  const ca = authority(g, ctx, { component: 'etcd', name: 'ca', commonName: 'etcd-ca' });
  const made = [
    ca,
    ...etcdLeaves(ctx).map(({ name, subject, usages, sans }) =>
      signed(g, ctx, { component: 'etcd', name, ca, subject, usages, ...(sans === undefined ? {} : { sans }) }),
    ),
  ];
  const after = { after: made };
  const { cert, key } = certificateFiles(ctx, 'etcd', 'ca');
  const caFile = uploadCa(cert);
  g.add('upload-ca', members, caFile, after);
  // Whoever is root on a member has all of etcd anyway; and the loss of this machine must not be the loss of the CA.
  g.add(
    'upload-ca-key',
    etcdCaKeyHosts(ctx),
    uploadSmallFile({ source: key, target: `${pki}/ca-key.pem`, mode: 0o600 }),
    after,
  );
  for (const file of ['server', 'peer', 'admin'])
    g.addEach(`install-${file}`, members, (host) => installLeaf(ctx, host, file), after);
  // A control plane host that is a member too has the CA already.
  const others = controlPlanes.filter((host) => !members.includes(host));
  g.add('upload-client-ca', others, caFile, after);
  g.addEach(`install-${client}`, controlPlanes, (host) => installLeaf(ctx, host, client), after);
  return g.done();
}

function uploadCa(source: string) {
  return uploadSmallFile({ source, target: `${pki}/ca.pem`, mode: 0o644 });
}

/** Both files at once: a member reads them in each handshake. */
function installLeaf(ctx: PlanContext, host: HostName, file: string) {
  const name = file === 'server' || file === 'peer' ? `${file}-${host}` : file;
  const renewsItself = ctx.cluster.spec.certs.autoRenew.enabled;
  return installPair(
    certificateFiles(ctx, 'etcd', name),
    file,
    renewsItself ? { unlessRenewedBy: certificateFiles(ctx, 'etcd', 'ca').cert } : {},
  );
}

function installPair(source: CertificateFiles, file: string, options: { readonly unlessRenewedBy?: string } = {}) {
  const target = { cert: `${pki}/${file}.pem`, key: `${pki}/${file}-key.pem` };
  return installKeyPair({ source, target, keep: false, ...options });
}

/** The user's own client files: their digests are taken on the control machine in the run. */
function externalClient(
  ctx: PlanContext,
  etcd: { readonly caFile: string; readonly certFile: string; readonly keyFile: string },
): Fragment {
  const g = draft<StepContext>('etcd-certificates');
  const controlPlanes = hostsWithRole(ctx, 'control-plane');
  const sources = { ca: etcd.caFile, client: etcd.certFile, 'client-key': etcd.keyFile };
  const known = Object.entries(sources).map(([name, path]) =>
    g.add(`checksum-${name}`, [CONTROL_NODE], fileChecksum({ path, output: fileDigest(path) })),
  );
  g.add('upload-client-ca', controlPlanes, uploadCa(etcd.caFile), { after: known });
  g.add(`install-${client}`, controlPlanes, installPair({ cert: etcd.certFile, key: etcd.keyFile }, client), {
    after: known,
  });
  return g.done();
}
