import { stringify } from 'yaml';
import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type Ref, sameHost } from '../../plan/index.js';
import {
  addEtcdLearner,
  checkEtcdHealth,
  daemonReload,
  enableService,
  promoteEtcdMember,
  renderTemplate,
  restartService,
  type StepContext,
  writeFile,
} from '../../step/index.js';
import { placeArchive } from '../artifacts.js';
import { defineTask, factsOf, hostsWithRole, type PlanContext } from '../context.js';
import { etcdReady, osReady } from '../milestones.js';
import { installBackupTimer } from './backup-timer.js';
import { etcdCertificates } from './certificates.js';
import { etcdConfig } from './config.js';
import { etcdMembers } from './endpoints.js';

const service = 'etcd.service';
const { config, pki } = hostPaths.etcd;
const unit = `${hostPaths.units}/${service}`;
/** What a running member must have been started with. */
const inputs = [
  config,
  unit,
  `${hostPaths.bin}/etcd`,
  ...['ca', 'server', 'server-key', 'peer', 'peer-key'].map((name) => `${pki}/${name}.pem`),
];

/**
 * Installs etcd everywhere at once, then starts it member by member: the first founds the cluster, each further one is
 * added as a learner, started, and promoted when it is in sync. A re-run meets the same chain, so that changed inputs
 * restart one member at a time.
 */
export const installEtcd = defineTask('install-etcd', (ctx) => {
  const { etcd } = ctx.cluster.spec;
  const g = draft<StepContext>('install-etcd');
  const certificates = g.include(etcdCertificates.plan(ctx));
  if (etcd.type === 'external') {
    g.provide(etcdReady, certificates);
    return g.done();
  }
  g.include(installBackupTimer.plan(ctx));
  refuseLostFounder(ctx, etcd);
  const hosts = hostsWithRole(ctx, 'etcd');
  const members = etcdMembers(ctx);
  const programs = placeArchive({ g, ctx, component: { name: 'etcd', version: etcd.version }, hosts }, hostPaths.bin);
  const configured = g.addEach('write-config', hosts, (host) => {
    const index = members.findIndex((member) => member.name === host);
    const member = members[index];
    if (!member) throw new KubexmError('INTERNAL', `${host} is no etcd member`);
    const content = stringify(
      etcdConfig({
        etcd,
        member,
        initialCluster: members.slice(0, index + 1),
        state: index === 0 ? 'new' : 'existing',
        token: ctx.cluster.metadata.name,
      }),
    );
    return writeFile({ content, target: config, mode: 0o600 });
  });
  const written = g.add('write-unit', hosts, renderTemplate({ template: 'etcd/etcd.service', data: {}, target: unit }));
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [service] }), { after: sameHost(written) });
  const enabled = g.add('enable', hosts, enableService({ service }), { after: sameHost(reloaded) });
  const ready: Ref[] = [programs, configured, enabled, certificates];

  let serving: Ref | undefined;
  for (const [index, member] of members.entries()) {
    const voters = members.slice(0, index).map((each) => each.clientUrl);
    const founder = members[0];
    if (!founder) break;
    const on = [member.name];
    const added =
      serving &&
      g.add(
        `add-${member.name}`,
        [founder.name],
        addEtcdLearner({ name: member.name, peerUrl: member.peerUrl, endpoints: voters }),
        { after: [serving, sameHost(ready, { where: 'present' })] },
      );
    const started = g.add(`start-${member.name}`, on, restartService({ service, inputs }), {
      after: [sameHost([...ready, osReady], { where: 'present' }), ...(added ? [added] : [])],
    });
    const promoted = added
      ? g.add(
          `promote-${member.name}`,
          [founder.name],
          promoteEtcdMember({ name: member.name, peerUrl: member.peerUrl, endpoints: voters }),
          { after: started },
        )
      : started;
    serving = g.add(
      `check-${member.name}`,
      [founder.name],
      checkEtcdHealth({ endpoints: [...voters, member.clientUrl] }),
      { after: promoted },
    );
  }
  const verified = g.add(
    'verify',
    hosts.slice(0, 1),
    checkEtcdHealth({
      endpoints: members.map((member) => member.clientUrl),
      members: members.map(({ name, peerUrl }) => ({ name, peerUrl })),
    }),
    serving ? { after: serving } : {},
  );
  g.provide(etcdReady, [verified, certificates]);
  return g.done();
});

/**
 * The first member would found a second, empty cluster beside one that has data: a member that lost its disk must be
 * replaced instead.
 */
function refuseLostFounder(ctx: PlanContext, etcd: ManagedEtcd): void {
  const [founder, ...others] = hostsWithRole(ctx, 'etcd');
  const hasData = (host: string) => factsOf(ctx, host).leftovers.includes(`${etcd.dataDir}/member`);
  const keepers = others.filter(hasData);
  if (founder === undefined || hasData(founder) || keepers.length === 0) return;
  throw new KubexmError(
    'GUARD_REFUSED',
    `${founder} has no etcd data, but ${keepers.join(', ')} have: starting it would found a second, empty cluster`,
    {
      hint: `put a host that has its data first in roleGroups.etcd, and replace ${founder} as an etcd member`,
      retryable: false,
    },
  );
}
