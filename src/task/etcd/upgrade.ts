import { etcdPrograms } from '../../common/etcd-programs.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type HostName, type Ref } from '../../plan/index.js';
import { type EtcdPeer, type StepContext, upgradeEtcdMember } from '../../step/index.js';
import { placeArchive } from '../artifacts.js';
import { defineTask, type Fragment, type PlanContext, type Task } from '../context.js';
import { etcdMembers } from './endpoints.js';
import { strayAlarmText } from './observation.js';
import { outOfSpace } from './recover-space.js';
import { etcdInputs, etcdService } from './service.js';
import { snapshotFirst } from './snapshot.js';
import { checkUpgradePath } from './upgrade-path.js';
import type { EtcdVersions } from './upgrade-state.js';

/** A member in the order of the upgrade. */
export interface UpgradeTurn {
  readonly host: HostName;
  /** With v; before an upgrade that was interrupted, where one was. */
  readonly from: string;
  readonly state: 'done' | 'to-do' | 'interrupted';
  readonly isLeader: boolean;
}

/**
 * The members in the order of their upgrade: one that was interrupted first, then those that are through, then followers, the
 * leader last. Throws GUARD_REFUSED for a version that cannot be reached from here, and for a cluster that is not whole.
 */
export function upgradeTurns(
  ctx: PlanContext,
  { observed, to }: { readonly observed: EtcdVersions; readonly to: string },
): readonly UpgradeTurn[] {
  const wanted = etcdMembers(ctx);
  const { members, membership } = observed.etcd;
  const marked = wanted.filter(({ name }) => observed.programs.get(name)?.mark !== undefined);
  if (membership !== 'agreed' && !(wanted.length === 1 && marked.length === 1)) throw noQuorum(observed);
  if (membership === 'agreed') requireWholeCluster(observed);
  const turns = wanted.map(({ name }): UpgradeTurn => {
    const mark = observed.programs.get(name)?.mark;
    const member = members.find(({ host }) => host === name);
    const version = member?.state?.status?.version;
    const running = version === undefined ? undefined : `v${version}`;
    const from = mark?.from ?? running;
    if (from === undefined || member?.healthy === false) {
      if (mark === undefined) throw unhealthy(name, member?.error);
    }
    const state = mark ? 'interrupted' : running === to ? 'done' : 'to-do';
    return { host: name, from: from ?? to, state, isLeader: member?.isLeader ?? false };
  });
  checkUpgradePath({ versions: turns.map(({ from }) => from), to });
  for (const { host } of turns) {
    const mark = observed.programs.get(host)?.mark;
    if (mark) checkUpgradePath({ versions: [mark.to], to });
  }
  return [...turns].sort((a, b) => rank(a) - rank(b));
}

/** Fetches and brings the programs to every member's host, and takes a snapshot: all that is done before anything stops. */
export function prepareEtcdUpgrade({ observed, to }: { readonly observed: EtcdVersions; readonly to: string }): Task {
  return defineTask('prepare-upgrade', (ctx) => {
    const turns = upgradeTurns(ctx, { observed, to });
    const hosts = turns.filter(({ state }) => state !== 'done').map(({ host }) => host);
    const g = draft<StepContext>('prepare-upgrade');
    if (hosts.length === 0) return g.done();
    placeArchive({ g, ctx, component: { name: 'etcd', version: to }, hosts }, etcdPrograms.staged(to));
    // A single member whose upgrade was interrupted cannot be asked; that upgrade began with a snapshot.
    if (observed.etcd.membership === 'agreed') g.include(snapshotFirst(ctx, observed.etcd));
    return g.done();
  });
}

/** One member after the other. */
export function rollEtcdUpgrade({ observed, to }: { readonly observed: EtcdVersions; readonly to: string }): Task {
  return defineTask('upgrade-members', (ctx) => rolling(ctx, upgradeTurns(ctx, { observed, to }), to));
}

function rolling(ctx: PlanContext, turns: readonly UpgradeTurn[], to: string): Fragment {
  const { etcd } = ctx.cluster.spec;
  if (etcd.type === 'external') throw new KubexmError('INTERNAL', 'an external etcd is not upgraded by kubexm');
  const peers = etcdMembers(ctx).map(
    ({ name, peerUrl, clientUrl }): EtcdPeer => ({ name, peerUrl, endpoint: clientUrl }),
  );
  const g = draft<StepContext>('upgrade-members');
  let before: Ref | undefined;
  for (const { host } of turns) {
    const own = peers.find(({ name }) => name === host);
    if (!own) continue;
    before = g.add(
      `upgrade-${host}`,
      [host],
      upgradeEtcdMember({
        service: etcdService,
        inputs: etcdInputs,
        to,
        own,
        others: peers.filter((peer) => peer !== own),
        dataDir: etcd.dataDir,
      }),
      before ? { after: before } : {},
    );
  }
  // Where `cluster create` looks for them, so that it finds nothing to do; what is in place is the same already.
  const settled = draft<StepContext>('settle');
  placeArchive(
    { g: settled, ctx, component: { name: 'etcd', version: to }, hosts: turns.map(({ host }) => host) },
    hostPaths.bin,
  );
  g.include(settled.done(), before ? { after: before } : {});
  return g.done();
}

function rank({ state, isLeader }: UpgradeTurn): number {
  if (state === 'to-do') return isLeader ? 3 : 2;
  return state === 'interrupted' ? 0 : 1;
}

function requireWholeCluster({ etcd }: EtcdVersions): void {
  const odd = etcd.members.flatMap((member) => {
    const name = member.name || member.peerUrls.join(', ');
    if (member.host === undefined) return [`${name} is a member and no host of the role etcd`];
    if (member.name === '') return [`${name} was added and never started`];
    if (member.isLearner) return [`${name} is a learner`];
    return member.alarms.map((alarm) => `${name} has the alarm ${alarm}`);
  });
  const strays = etcd.strayAlarms.map((alarm) => strayAlarmText(alarm));
  const missing = etcd.missing.map((host) => `${host} has the role etcd and is no member`);
  const details = [...odd, ...strays, ...missing];
  if (details.length === 0) return;
  throw new KubexmError('GUARD_REFUSED', 'an upgrade of etcd begins with a cluster that is whole', {
    details,
    hint:
      outOfSpace(etcd).length > 0
        ? 'kubexm etcd recover-space'
        : 'kubexm etcd members; make the member list and roleGroups.etcd agree first',
    retryable: false,
  });
}

function unhealthy(name: string, error: string | undefined): KubexmError {
  return new KubexmError('GUARD_REFUSED', `the etcd member ${name} is not healthy: nothing is upgraded`, {
    details: error === undefined ? [] : [error],
    hint: `on ${name}: systemctl status etcd; journalctl -u etcd -n 100 --no-pager`,
    retryable: false,
  });
}

function noQuorum({ etcd }: EtcdVersions): KubexmError {
  return new KubexmError('GUARD_REFUSED', 'etcd has no quorum: nothing is upgraded', {
    details: etcd.failures.map(({ message }) => message),
    hint: 'kubexm etcd members',
    retryable: false,
  });
}
