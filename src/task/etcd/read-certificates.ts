import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type HostName } from '../../plan/index.js';
import { readCertificates, type StepContext } from '../../step/index.js';
import { type ObservedCertificate, observeWanted, type WantedCertificate } from '../certs/observe.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import type { Findings } from '../findings.js';
import { etcdLeaves } from './leaves.js';

const report = 'etcd:certificates';
const { pki } = hostPaths.etcd;

/** Reads etcd's certificates where they are used, and those of the control machine's work directory. */
export const readEtcdCertificates = defineTask('read-certificates', (ctx) => {
  const g = draft<StepContext>('read-certificates');
  const hosts = certificateHosts(ctx).filter((host) => ctx.facts.has(host));
  g.add('hosts', hosts, readCertificates({ report, directories: [pki] }));
  g.add(
    'work-directory',
    [CONTROL_NODE],
    readCertificates({ report, directories: [ctx.workDirs.getCertsDir('etcd')] }),
  );
  return g.done();
});

/** What the hosts have of etcd's certificates, beside what they should have. */
export function observeCertificates(ctx: PlanContext, findings: Findings): readonly ObservedCertificate[] {
  return observeWanted(ctx, findings, { report, wanted: etcdCertificates(ctx) });
}

/** All certificates of an etcd that kubexm looks after, where they are used. */
export function etcdCertificates(ctx: PlanContext): readonly WantedCertificate[] {
  const leaves = etcdLeaves(ctx);
  const ca = { component: 'etcd', name: 'ca' } as const;
  const renewsItself = ctx.cluster.spec.certs.autoRenew.enabled;
  return certificateHosts(ctx).flatMap((host) => [
    { host, path: `${pki}/ca.pem`, authority: { ...ca, is: 'itself' as const }, own: ca, sans: [] },
    ...leaves
      .filter((leaf) => leaf.hosts.includes(host))
      .map(({ name, file, sans = {} }) => ({
        host,
        path: `${pki}/${file}.pem`,
        authority: { ...ca, is: 'signer' as const },
        // Hosts that renew theirs by themselves have others.
        ...(renewsItself ? {} : { own: { component: 'etcd' as const, name } }),
        sans: [...(sans.dns ?? []).map((dns) => `DNS:${dns}`), ...(sans.ips ?? []).map((ip) => `IP:${ip}`)],
      })),
  ]);
}

function certificateHosts(ctx: PlanContext): readonly HostName[] {
  return [...new Set([...hostsWithRole(ctx, 'etcd'), ...hostsWithRole(ctx, 'control-plane')])];
}
