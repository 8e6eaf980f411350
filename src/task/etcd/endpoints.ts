import { hostPaths, ports } from '../../common/host-paths.js';
import { hostsWithRole, internalAddress, type PlanContext } from '../context.js';

export interface EtcdMemberSpec {
  readonly name: string;
  readonly address: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

/** The members that the config asks for, in its order: the first one founds the cluster. */
export function etcdMembers(ctx: PlanContext): readonly EtcdMemberSpec[] {
  return hostsWithRole(ctx, 'etcd').map((name) => {
    const address = internalAddress(ctx, name);
    return {
      name,
      address,
      peerUrl: `https://${address}:${ports.etcdPeer}`,
      clientUrl: `https://${address}:${ports.etcdClient}`,
    };
  });
}

/**
 * What the apiservers need to reach etcd; the files are paths on the control plane hosts. `clientUrls`: members other than those
 * of the config, while they are being changed.
 */
export function etcdForApiserver(
  ctx: PlanContext,
  clientUrls?: readonly string[],
): {
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
} {
  const { etcd } = ctx.cluster.spec;
  const { pki } = hostPaths.etcd;
  return {
    endpoints:
      clientUrls ?? (etcd.type === 'external' ? etcd.endpoints : etcdMembers(ctx).map((member) => member.clientUrl)),
    caFile: `${pki}/ca.pem`,
    certFile: `${pki}/apiserver-etcd-client.pem`,
    keyFile: `${pki}/apiserver-etcd-client-key.pem`,
  };
}
