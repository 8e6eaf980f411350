import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { fileChecksum, fileDigest, type StepContext } from '../../step/index.js';
import { defineTask, type Fragment, hostsWithRole, type PlanContext } from '../context.js';
import { authority, certificateFiles, signed, uploadSmallFile } from '../pki.js';
import { etcdLeaves } from './leaves.js';

const memberFiles = ['ca', 'server', 'server-key', 'peer', 'peer-key', 'admin', 'admin-key'] as const;
const clientFiles = ['ca', 'apiserver-etcd-client', 'apiserver-etcd-client-key'] as const;

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
  for (const file of memberFiles)
    g.addEach(`upload-${file}`, members, (host) => uploadPem(ctx, host, file), { after: made });
  // A control plane host that is a member too has the CA already.
  for (const file of clientFiles) {
    const hosts = file === 'ca' ? controlPlanes.filter((host) => !members.includes(host)) : controlPlanes;
    g.addEach(`upload-client-${file}`, hosts, (host) => uploadPem(ctx, host, file), { after: made });
  }
  return g.done();
}

function uploadPem(ctx: PlanContext, host: HostName, file: string) {
  const name = file.replace(/-key$/, '');
  const { cert, key } = certificateFiles(ctx, 'etcd', name === 'server' || name === 'peer' ? `${name}-${host}` : name);
  const source = file.endsWith('-key') ? key : cert;
  return uploadSmallFile({
    source,
    target: `${hostPaths.etcd.pki}/${file}.pem`,
    mode: file.endsWith('-key') ? 0o600 : 0o644,
  });
}

/** The user's own client files: their digests are taken on the control machine in the run. */
function externalClient(
  ctx: PlanContext,
  etcd: { readonly caFile: string; readonly certFile: string; readonly keyFile: string },
): Fragment {
  const g = draft<StepContext>('etcd-certificates');
  const files = [
    { source: etcd.caFile, name: 'ca', mode: 0o644 },
    { source: etcd.certFile, name: 'apiserver-etcd-client', mode: 0o644 },
    { source: etcd.keyFile, name: 'apiserver-etcd-client-key', mode: 0o600 },
  ];
  for (const { source, name, mode } of files) {
    const known = g.add(`checksum-${name}`, [CONTROL_NODE], fileChecksum({ path: source, output: fileDigest(source) }));
    g.add(
      `upload-client-${name}`,
      hostsWithRole(ctx, 'control-plane'),
      uploadSmallFile({ source, target: `${hostPaths.etcd.pki}/${name}.pem`, mode }),
      { after: known },
    );
  }
  return g.done();
}
