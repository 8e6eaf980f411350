import type { HostName } from '../../plan/index.js';
import type { GenerateSignedCert } from '../../step/index.js';
import { hostsWithRole, internalAddress, type PlanContext } from '../context.js';

/** A certificate that etcd's CA signs, by its name on the control machine and by that on the hosts that have it. */
export interface EtcdLeaf extends Pick<GenerateSignedCert, 'subject' | 'usages' | 'sans'> {
  /** `server-node1` */
  readonly name: string;
  /** `server`: `/etc/etcd/pki/server.pem` and `server-key.pem`. */
  readonly file: string;
  readonly hosts: readonly HostName[];
}

/** All certificates of an etcd that kubexm looks after, but for its CA's. */
export function etcdLeaves(ctx: PlanContext): readonly EtcdLeaf[] {
  const members = hostsWithRole(ctx, 'etcd');
  return [
    client('admin', 'kubexm-etcd-admin', members),
    client('apiserver-etcd-client', 'kube-apiserver-etcd-client', hostsWithRole(ctx, 'control-plane')),
    ...members.flatMap((host) => [member(ctx, 'server', host), member(ctx, 'peer', host)]),
  ];
}

function client(name: string, commonName: string, hosts: readonly HostName[]): EtcdLeaf {
  return { name, file: name, hosts, subject: { commonName }, usages: ['client'] };
}

function member(ctx: PlanContext, file: 'server' | 'peer', host: HostName): EtcdLeaf {
  return {
    name: `${file}-${host}`,
    file,
    hosts: [host],
    subject: { commonName: host },
    usages: ['server', 'client'],
    sans: { dns: [host, 'localhost'], ips: [internalAddress(ctx, host), '127.0.0.1'] },
  };
}
