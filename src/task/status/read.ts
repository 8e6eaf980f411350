import { hostPaths } from '../../common/host-paths.js';
import { draft } from '../../plan/index.js';
import { readCertificates, readObjects, type StepContext } from '../../step/index.js';
import { allHosts, defineTask, hostsWithRole } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';

/** Names of the log events that carry what was read. */
export const statusReports = { objects: 'status:objects', certificates: 'status:certificates' } as const;

/** Looks at a cluster and changes nothing. */
export const readStatus = defineTask('read', (ctx) => {
  const g = draft<StepContext>('read');
  const speaker = ctx.facts.has(initHost(ctx))
    ? initHost(ctx)
    : hostsWithRole(ctx, 'control-plane').find((host) => ctx.facts.has(host));
  g.add('objects', speaker === undefined ? [] : [speaker], readObjects({ report: statusReports.objects }));
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
