import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';
import { etcdctl, parseMemberList } from './etcdctl.js';
import { type EtcdDataDir, etcdDataOwner } from './members-data.js';

/** `others`: client URLs of the members that the config asks for beside the host's own. */
export interface GuardEtcdFounder extends EtcdDataDir {
  readonly name: string;
  readonly others: readonly string[];
}

/**
 * Stops a plan that would begin with the data on this host although the others serve an etcd that does not know them: those of a
 * host that was dead when its member was removed, and has come back. Where no other answers, there is nothing to compare with.
 */
export const guardEtcdFounder = defineStep<GuardEtcdFounder>({
  kind: 'etcd.founder-guard',
  title: () => 'Check that the data of etcd on this host are those of a member',
  recheck: false,
  async precheck(ctx, p) {
    const { host, signal } = ctx;
    const owner = await etcdDataOwner(ctx, p);
    if (owner === undefined) return satisfied('there are none');
    const ask = etcdctl(p.others, ['member', 'list', '-w', 'json'], { timeoutSeconds: 5 });
    const { stdout, stderr, exitCode } = await host.tryRun(ask, { signal });
    if (exitCode !== 0) return satisfied(`no other member answers: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    const members = parseMemberList(stdout, host.name);
    if (members.some(({ id }) => id === owner.memberId)) return satisfied(`${owner.memberId} is a member`);
    throw new KubexmError(
      'GUARD_REFUSED',
      `the data in ${p.dataDir} on ${host.name} are those of ${owner.memberId}, which is no member of the etcd that the others serve`,
      {
        details: members.map(({ id, name, peerUrls }) => `member: ${name || 'unnamed'} ${peerUrls.join(', ')} (${id})`),
        hint: `if ${p.name} was removed and is to be a member again: kubexm etcd add-member ${p.name} (its old data are renamed and kept). If not: take it out of spec.roleGroups.etcd, then kubexm etcd remove-member ${p.name} cleans it`,
        retryable: false,
      },
    );
  },
  run: () => Promise.resolve(),
});
