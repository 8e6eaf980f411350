import { stringify } from 'yaml';
import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type After, draft, type Ref, sameHost } from '../../plan/index.js';
import {
  type AssumedEtcdMember,
  addEtcdLearner,
  checkEtcdHealth,
  daemonReload,
  enableService,
  promoteEtcdMember,
  reconfigureEtcdMember,
  renderTemplate,
  type StepContext,
  writeEtcdConfig,
} from '../../step/index.js';
import { placeArchive } from '../artifacts.js';
import { renewalTimer } from '../certs/renewal-timer.js';
import { defineTask, type Fragment, factsOf, hostsWithRole, type PlanContext } from '../context.js';
import { etcdReady, osReady } from '../milestones.js';
import { installBackupTimer } from './backup-timer.js';
import { etcdCertificates } from './certificates.js';
import { etcdConfig, etcdDirs } from './config.js';
import { type EtcdMemberSpec, etcdMembers } from './endpoints.js';
import { etcdInputs, etcdService, etcdUnit } from './service.js';

/**
 * Installs etcd everywhere at once, then starts it member by member: the first founds the cluster, each further one is
 * added as a learner, started, and promoted when it is in sync. A re-run meets the same chain, so that changed
 * inputs restart one member at a time, each only while all others serve. Another version is not brought to members that have
 * data: see `guardEtcdUpgrade`.
 */
export const installEtcd = defineTask('install-etcd', (ctx) => etcdInstallation(ctx));

/** A cluster that serves already, which the hosts of the role are to join. */
export interface ExistingEtcd {
  /** Client URLs of its healthy voters. */
  readonly voters: readonly string[];
  /** All its members but those that join. */
  readonly assumed: readonly AssumedEtcdMember[];
}

/** What `installEtcd` does; with `existing`, for hosts that join members which are not touched. */
export function etcdInstallation(ctx: PlanContext, existing?: ExistingEtcd): Fragment {
  const { etcd } = ctx.cluster.spec;
  const g = draft<StepContext>('install-etcd');
  const certificates = g.include(etcdCertificates.plan(ctx));
  if (etcd.type === 'external') {
    g.provide(etcdReady, certificates);
    return g.done();
  }
  g.include(installBackupTimer.plan(ctx));
  const hosts = hostsWithRole(ctx, 'etcd');
  const programs = placeArchive({ g, ctx, component: { name: 'etcd', version: etcd.version }, hosts }, hostPaths.bin);
  const written = g.add(
    'write-unit',
    hosts,
    renderTemplate({ template: 'etcd/etcd.service', data: {}, target: etcdUnit }),
  );
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [etcdService] }), { after: sameHost(written) });
  const enabled = g.add('enable', hosts, enableService({ service: etcdService }), { after: sameHost(reloaded) });
  const ready: Ref[] = [programs, enabled, certificates];

  const joined: EtcdMemberSpec[] = [];
  let serving: Ref | undefined;
  for (const member of existing ? etcdMembers(ctx) : startOrder(ctx, etcd)) {
    const voters = [...(existing?.voters ?? []), ...joined.map((each) => each.clientUrl)];
    const { name, peerUrl, clientUrl } = member;
    const assumed = existing && { assumed: [...existing.assumed, ...joined.map(assumedMember)] };
    const change = { name, peerUrl, endpoints: voters, ...assumed };
    const isFounder = voters.length === 0;
    // A host is named a member only when nothing more can keep it from starting.
    const prepared: After = [sameHost([...ready, osReady], { where: 'present' }), ...(serving ? [serving] : [])];
    const learner = addEtcdLearner({ ...change, ...etcdDirs(etcd), service: etcdService });
    const added = isFounder ? prepared : g.add(`add-${name}`, [name], learner, { after: prepared });
    const configured = g.add(`config-${name}`, [name], etcdConfigStep(ctx, etcd, { member, endpoints: voters }), {
      after: added,
    });
    const started = g.add(
      `start-${name}`,
      [name],
      reconfigureEtcdMember({ service: etcdService, inputs: etcdInputs, endpoint: clientUrl }),
      { after: configured },
    );
    const promoted = isFounder
      ? started
      : g.add(`promote-${name}`, [name], promoteEtcdMember(change), { after: started });
    serving = g.add(`check-${name}`, [name], checkEtcdHealth({ endpoints: [...voters, clientUrl] }), {
      after: promoted,
    });
    joined.push(member);
  }
  const verified = g.add(
    'verify',
    hosts.slice(0, 1),
    checkEtcdHealth({
      endpoints: [...(existing?.voters ?? []), ...joined.map(({ clientUrl }) => clientUrl)],
      members: [...(existing?.assumed ?? []), ...etcdMembers(ctx)].map(({ name, peerUrl }) => ({ name, peerUrl })),
      // Whoever joins has asked about alarms; all else that waits for this writes.
      ...(existing ? {} : { writes: true as const }),
    }),
    serving ? { after: serving } : {},
  );
  // Of members that join; `cluster create` looks after all hosts at once.
  if (existing) g.include(renewalTimer(ctx, { hosts, after: verified }));
  g.provide(etcdReady, [verified, certificates]);
  return g.done();
}

/** etcd.yaml of a member. `endpoints`: client URLs of those that it joins, or is with already. */
export function etcdConfigStep(
  { cluster }: PlanContext,
  etcd: ManagedEtcd,
  { member, endpoints }: { readonly member: EtcdMemberSpec; readonly endpoints: readonly string[] },
) {
  return writeEtcdConfig({
    target: hostPaths.etcd.config,
    content: stringify(etcdConfig({ etcd, member })),
    name: member.name,
    peerUrl: member.peerUrl,
    endpoints,
    token: cluster.metadata.name,
    ...etcdDirs(etcd),
  });
}

function assumedMember({ name, peerUrl }: EtcdMemberSpec): AssumedEtcdMember {
  return { name, peerUrl };
}

/** Those that have data first, since only they can let others join; the first of all founds the cluster. */
function startOrder(ctx: PlanContext, etcd: ManagedEtcd): readonly EtcdMemberSpec[] {
  const has = ({ name }: EtcdMemberSpec, path: string) => factsOf(ctx, name).leftovers.includes(path);
  const members = etcdMembers(ctx);
  const keepers = members.filter((member) => has(member, `${etcd.dataDir}/member/wal`));
  const order = [...keepers, ...members.filter((member) => !keepers.includes(member))];
  if (keepers.length === 0) refuseSecondCluster(order, (member) => has(member, `${etcd.dataDir}/member`));
  return order;
}

/** A first member without data would found a second, empty cluster beside others that have some. */
function refuseSecondCluster(
  [founder, ...others]: readonly EtcdMemberSpec[],
  hasData: (member: EtcdMemberSpec) => boolean,
): void {
  const keepers = others.filter(hasData).map(({ name }) => name);
  if (founder === undefined || hasData(founder) || keepers.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${founder.name} has no etcd data, but ${keepers.join(', ')} have: starting it would found a second, empty cluster`,
    { hint: `look at the data on ${keepers.join(', ')}; kubexm etcd members`, retryable: false },
  );
}
