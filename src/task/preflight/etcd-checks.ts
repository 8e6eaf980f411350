import { CONTROL_NODE, type Draft, type HostName, type Ref } from '../../plan/index.js';
import { checkDiskLatency, checkEtcdClient, checkExternalEtcd, type StepContext } from '../../step/index.js';
import { factsOf, hostsWithRole, type PlanContext } from '../context.js';
import { refuseHalfRestored } from '../etcd/restore-guards.js';

/** What etcd alone needs of its hosts, or of those who run it elsewhere. `hosts`: those that answer. */
export function etcdChecks(ctx: PlanContext, g: Draft<StepContext>, hosts: readonly HostName[]): readonly Ref[] {
  const { etcd } = ctx.cluster.spec;
  if (etcd.type === 'kubexm') {
    // Only where etcd is to begin: a member that runs tells of its disk itself.
    const fresh = hostsWithRole(ctx, 'etcd').filter(
      (host) => hosts.includes(host) && !factsOf(ctx, host).leftovers.includes(`${etcd.dataDir}/member`),
    );
    const whole = g.include(refuseHalfRestored.plan(ctx));
    return fresh.length === 0 ? [whole] : [whole, g.add('disk', fresh, checkDiskLatency({ directory: etcd.dataDir }))];
  }
  const { endpoints, caFile, certFile, keyFile } = etcd;
  const client = g.add(
    'etcd-client',
    [CONTROL_NODE],
    checkEtcdClient({ ca: caFile, client: { cert: certFile, key: keyFile } }),
  );
  const file = (path: string) => ({ $secret: `file:${path}` });
  const controlPlanes = hostsWithRole(ctx, 'control-plane').filter((host) => hosts.includes(host));
  const asked = g.add(
    'external-etcd',
    controlPlanes,
    checkExternalEtcd({ endpoints, cert: file(certFile), key: file(keyFile), ca: file(caFile) }),
  );
  return [client, asked];
}
