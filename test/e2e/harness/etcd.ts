import type { ScenarioTools } from './tools.js';

export interface EtcdMember {
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

/** etcdctl on a member, over its own endpoint unless `args` name others. */
export function etcdctl(t: ScenarioTools, member: string, args: string): Promise<string> {
  const pki = '/etc/etcd/pki';
  return t.onHost(
    member,
    `/usr/local/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.pem --cert=${pki}/admin.pem --key=${pki}/admin-key.pem ${args}`,
  );
}

/** Members that were started and vote, by their names. */
export async function etcdVoters(t: ScenarioTools, member: string): Promise<string[]> {
  const { members } = JSON.parse(await etcdctl(t, member, 'member list -w json')) as {
    members: readonly EtcdMember[];
  };
  return members
    .filter(({ name, clientURLs = [], isLearner = false }) => name !== '' && clientURLs.length > 0 && !isLearner)
    .map(({ name }) => name)
    .sort();
}

/** Which of the hosts leads. */
export async function etcdLeader(t: ScenarioTools, members: readonly string[]): Promise<string> {
  for (const name of members) {
    // Ids are uint64: as JSON numbers they would lose their last digits.
    const text = (await etcdctl(t, name, 'endpoint status -w json')).replaceAll(
      /"(leader|member_id)":(\d+)/g,
      '"$1":"$2"',
    );
    const [{ Status: status } = { Status: undefined }] = JSON.parse(text) as readonly {
      Status: { readonly header: { readonly member_id: string }; readonly leader: string };
    }[];
    if (status !== undefined && status.leader === status.header.member_id) return name;
  }
  throw new Error(`none of ${members.join(', ')} leads`);
}

/** The version that each member runs, with v, in the order of the hosts. */
export async function etcdVersions(t: ScenarioTools, hosts: readonly string[]): Promise<string[]> {
  return Promise.all(
    hosts.map(async (host) => {
      const [member] = JSON.parse(await etcdctl(t, host, 'endpoint status -w json')) as readonly {
        readonly Status: { readonly version: string };
      }[];
      return `v${member?.Status.version ?? ''}`;
    }),
  );
}
