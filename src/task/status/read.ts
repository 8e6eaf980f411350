import { hostPaths } from '../../common/host-paths.js';
import { draft } from '../../plan/index.js';
import { readCertificates, readEtcdEndpoints, readObjects, type StepContext } from '../../step/index.js';
import { allHosts, defineTask, hostsWithRole } from '../context.js';
import { etcdMembers } from '../etcd/endpoints.js';
import { initHost } from '../kubernetes/init-host.js';

/** Messages of the log events that carry what was read. */
export const statusReports = {
  objects: 'status:objects',
  etcd: 'status:etcd',
  certificates: 'status:certificates',
} as const;

/** Looks at a cluster and changes nothing. */
export const readStatus = defineTask('read', (ctx) => {
  const g = draft<StepContext>('read');
  g.add('objects', [initHost(ctx)], readObjects({ report: statusReports.objects }));
  const members = ctx.cluster.spec.etcd.type === 'kubexm' ? etcdMembers(ctx) : [];
  // All of them: what one cannot tell, another may.
  const asked = members.length > 0 ? hostsWithRole(ctx, 'etcd').filter((host) => ctx.facts.has(host)) : [];
  g.add(
    'etcd',
    asked,
    readEtcdEndpoints({ report: statusReports.etcd, endpoints: members.map((member) => member.clientUrl) }),
  );
  const hosts = allHosts(ctx).filter((host) => ctx.facts.has(host));
  g.add(
    'certificates',
    hosts,
    readCertificates({
      report: statusReports.certificates,
      directories: [hostPaths.kubernetesPki, hostPaths.etcd.pki, '/var/lib/kubelet/pki'],
    }),
  );
  return g.done();
});
