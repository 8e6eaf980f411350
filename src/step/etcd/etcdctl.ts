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

/** etcdctl as the administrator of the cluster, on a host that is a member. `timeoutSeconds`: of each request. */
export function etcdctl(
  endpoints: readonly string[],
  args: readonly string[],
  { timeoutSeconds = 10 }: { readonly timeoutSeconds?: number } = {},
): ShellCommand {
  const { pki } = hostPaths.etcd;
  return sh`${hostPaths.bin}/etcdctl --endpoints=${endpoints.join(',')} --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem --command-timeout=${timeoutSeconds}s ${args}`;
}

/** Reads the member list; throws where the cluster does not answer, since "unknown" is not "absent". */
export async function memberList({ host, signal }: StepContext, endpoints: readonly string[]): Promise<EtcdMember[]> {
  const { stdout } = await host.run(etcdctl(endpoints, ['member', 'list', '-w', 'json']), { signal });
  return parseMemberList(stdout, host.name);
}

/** Ids, hashes and terms are uint64: as JSON numbers they would lose their last digits. They become decimal strings. */
export function quoteIds(text: string): string {
  return text.replaceAll(/"(ID|member_id|memberID|cluster_id|leader)":(\d+)/g, '"$1":"$2"');
}

/** An id as etcd's own log prints it. */
export function hexId(decimal: string | undefined): string {
  return BigInt(decimal ?? 0).toString(16);
}

/** Parses `etcdctl member list -w json`. */
export function parseMemberList(text: string, host: string): EtcdMember[] {
  const quoted = quoteIds(text);
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
    id: hexId(member.ID),
    name: member.name ?? '',
    peerUrls: member.peerURLs ?? [],
    clientUrls: member.clientURLs ?? [],
    isLearner: member.isLearner ?? false,
  }));
}
