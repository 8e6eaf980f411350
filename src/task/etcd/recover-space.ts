import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../../errors/index.js';
import { draft, type Ref } from '../../plan/index.js';
import {
  compactEtcd,
  disarmEtcd,
  proveEtcdWrites,
  reconfigureEtcdMember,
  requireEtcdRoom,
  type StepContext,
} from '../../step/index.js';
import { defineTask, type PlanContext, type Task } from '../context.js';
import { defragChain, etcdPeers, refuseCorrupt, requireServing, speakerOf } from './defrag.js';
import { etcdMembers } from './endpoints.js';
import { etcdConfigStep } from './install.js';
import type { EtcdObservation } from './observation.js';
import { etcdInputs, etcdService } from './service.js';

/** Members that raised the alarm NOSPACE, for people; also those that are none any more. */
export function outOfSpace({ members, strayAlarms }: EtcdObservation): readonly string[] {
  return [
    ...members.filter(({ alarms }) => alarms.includes('NOSPACE')).map(({ host, name }) => host ?? name),
    ...strayAlarms.filter(({ alarm }) => alarm === 'NOSPACE').map(({ memberId }) => `${memberId}, which is gone`),
  ];
}

/**
 * Out of the alarm NOSPACE: bring the members the quota of the config where theirs is another, compact to the newest
 * revision, defragment all, see that there is room, disarm, prove that writes work. Without the alarm it only looks.
 */
export function recoverEtcdSpace({ observed }: { readonly observed: EtcdObservation }): Task {
  return defineTask('recover-space', (ctx) => {
    const { etcd } = ctx.cluster.spec;
    if (etcd.type === 'external') throw new KubexmError('INTERNAL', 'an external etcd is not looked after by kubexm');
    refuseCorrupt(observed);
    const own = speakerOf(ctx, observed);
    const members = etcdPeers(ctx, observed);
    const quotaBytes = configuredQuota(etcd);
    const g = draft<StepContext>('recover-space');
    const room = (after?: Ref) =>
      g.add('room', [own.name], requireEtcdRoom({ members, quotaBytes }), after ? { after } : {});
    if (outOfSpace(observed).length === 0) {
      room();
      return g.done();
    }
    requireServing(observed);
    const quota = bringQuota(ctx, { observed, etcd, quotaBytes });
    const reconfigured = g.include(quota);
    const compacted = g.add('compact', [own.name], compactEtcd({ endpoint: own.endpoint, keep: 0 }), {
      after: reconfigured,
    });
    const defragmented = g.include(defragChain(ctx, { observed, always: true }), { after: compacted });
    const enough = room(defragmented);
    const disarmed = g.add('disarm', [own.name], disarmEtcd({ endpoint: own.endpoint }), { after: enough });
    g.add('prove-writes', [own.name], proveEtcdWrites({ endpoint: own.endpoint }), { after: disarmed });
    return g.done();
  });
}

/** With the alarm raised `cluster create` gets no further than etcd's health, so a larger quota comes to the members here. */
function bringQuota(
  ctx: PlanContext,
  {
    observed,
    etcd,
    quotaBytes,
  }: { readonly observed: EtcdObservation; readonly etcd: ManagedEtcd; readonly quotaBytes: number },
) {
  const g = draft<StepContext>('quota');
  const members = etcdMembers(ctx);
  let before: Ref | undefined;
  for (const member of members) {
    const seen = observed.members.find(({ host }) => host === member.name);
    // 3.5 does not tell its quota: the file decides.
    if (seen === undefined || seen.state?.status?.quotaBytes === quotaBytes) continue;
    const endpoints = members.filter((each) => each !== member).map(({ clientUrl }) => clientUrl);
    const written = g.add(
      `config-${member.name}`,
      [member.name],
      etcdConfigStep(ctx, etcd, { member, endpoints }),
      before ? { after: before } : {},
    );
    before = g.add(
      `restart-${member.name}`,
      [member.name],
      reconfigureEtcdMember({ service: etcdService, inputs: etcdInputs, endpoint: member.clientUrl }),
      { after: written },
    );
  }
  return g.done();
}

function configuredQuota({ performance, extraArgs }: ManagedEtcd): number {
  const own = Number(extraArgs['quota-backend-bytes']);
  return Number.isInteger(own) && own > 0 ? own : performance.quotaBackendBytes;
}
