import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type ShellCommand, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';

/** `id` is hexadecimal, as etcd's own log prints it. A member that was never started has no name. */
export interface EtcdMember {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** etcdctl as the administrator of the cluster, on a host that is a member. */
export function etcdctl(endpoints: readonly string[], args: readonly string[]): ShellCommand {
  const { pki } = hostPaths.etcd;
  return sh`${hostPaths.bin}/etcdctl --endpoints=${endpoints.join(',')} --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem --command-timeout=10s ${args}`;
}

/** Reads the member list; throws where the cluster does not answer, since "unknown" is not "absent". */
export async function memberList({ host, signal }: StepContext, endpoints: readonly string[]): Promise<EtcdMember[]> {
  const { stdout } = await host.run(etcdctl(endpoints, ['member', 'list', '-w', 'json']), { signal });
  return parseMemberList(stdout, host.name);
}

/** Parses `etcdctl member list -w json`. */
export function parseMemberList(text: string, host: string): EtcdMember[] {
  // Ids are uint64: as JSON numbers they would lose their last digits.
  const quoted = text.replaceAll(/"(ID|member_id|cluster_id)":(\d+)/g, '"$1":"$2"');
  let parsed: {
    members?: { ID?: string; name?: string; peerURLs?: string[]; clientURLs?: string[]; isLearner?: boolean }[];
  };
  try {
    parsed = JSON.parse(quoted) as typeof parsed;
  } catch (cause) {
    throw new KubexmError('COMMAND_FAILED', `${host}: etcdctl member list answered no JSON`, {
      cause,
      details: [text.slice(0, 300)],
    });
  }
  if (!parsed.members)
    throw new KubexmError('COMMAND_FAILED', `${host}: etcdctl member list names no members`, {
      details: [text.slice(0, 300)],
    });
  return parsed.members.map((member) => ({
    id: BigInt(member.ID ?? 0).toString(16),
    name: member.name ?? '',
    peerUrls: member.peerURLs ?? [],
    clientUrls: member.clientURLs ?? [],
    isLearner: member.isLearner ?? false,
  }));
}
