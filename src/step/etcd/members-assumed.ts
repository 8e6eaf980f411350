import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';
import { type EtcdMember, memberList } from './etcdctl.js';

/** A member as a plan counts on it. Without an id: one that the plan itself adds. */
export interface AssumedEtcdMember {
  readonly name: string;
  readonly peerUrl: string;
  /** Hexadecimal. */
  readonly id?: string;
}

/** `endpoints`: client URLs of members that vote. */
export interface CheckEtcdMembers {
  readonly endpoints: readonly string[];
  readonly assumed: readonly AssumedEtcdMember[];
}

/** Stops the plan where the members are others than it was made for; changes nothing. */
export const checkEtcdMembers = defineStep<CheckEtcdMembers>({
  kind: 'etcd.members-assumed',
  title: () => 'Check that the members of etcd are still those that the plan was made for',
  recheck: false,
  async precheck(ctx, p) {
    refuseOtherMembers(ctx, await memberList(ctx, p.endpoints), p.assumed);
    return satisfied('the members are those of the plan');
  },
  run: () => Promise.resolve(),
});

/** Throws GUARD_REFUSED with both lists where they differ. `except`: the peer URL of a member that is being changed. */
export function refuseOtherMembers(
  { host }: StepContext,
  members: readonly EtcdMember[],
  assumed: readonly AssumedEtcdMember[],
  except?: string,
): void {
  const found = members.filter(({ peerUrls }) => except === undefined || !peerUrls.includes(except));
  const expected = assumed.filter(({ peerUrl }) => peerUrl !== except);
  const asExpected =
    found.length === expected.length &&
    expected.every(({ id, peerUrl }) =>
      found.some((member) => member.peerUrls.includes(peerUrl) && (id === undefined || member.id === id)),
    );
  if (asExpected) return;
  throw new KubexmError('GUARD_REFUSED', `${host.name}: etcd has other members than this plan was made for`, {
    details: [
      `planned with: ${expected.map(({ name, peerUrl, id }) => memberText({ name, peerUrl, id })).join('; ') || 'none'}`,
      `now there are: ${found.map(({ name, peerUrls, id }) => memberText({ name, peerUrl: peerUrls.join(','), id })).join('; ') || 'none'}`,
    ],
    hint: 'kubexm etcd members; then run the same command again: it plans with the members as they are then',
    retryable: false,
  });
}

function memberText({ name, peerUrl, id }: { name: string; peerUrl: string; id: string | undefined }): string {
  return `${name === '' ? 'unnamed' : name} ${peerUrl}${id === undefined ? '' : ` (${id})`}`;
}
