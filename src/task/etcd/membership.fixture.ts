import type { PlanContext } from '../context.js';
import { etcdMembers } from './endpoints.js';
import type { EtcdObservation, ObservedMember } from './observation.js';

/** What differs from a healthy voter. `id` is made from the position. */
export interface MemberSketch {
  readonly host: string;
  readonly healthy?: boolean;
  readonly isLearner?: boolean;
  readonly isLeader?: boolean;
  readonly alarms?: readonly string[];
  /** False: it was added and never started. */
  readonly started?: boolean;
  readonly version?: string;
}

/** etcd as it would be observed with these members; hosts of the config have their own URLs, others some of 10.9.0.0/24. */
export function observedEtcd(
  ctx: PlanContext,
  sketches: readonly MemberSketch[],
  membership: EtcdObservation['membership'] = 'agreed',
  strayAlarms: EtcdObservation['strayAlarms'] = [],
): EtcdObservation {
  const wanted = etcdMembers(ctx);
  const members = sketches.map((sketch, index): ObservedMember => {
    const { host, healthy = true, isLearner = false, isLeader = index === 0, alarms = [], started = true } = sketch;
    const address = ctx.cluster.spec.hosts.find(({ name }) => name === host)?.internalAddress ?? `10.9.0.${index + 1}`;
    return {
      id: `${'abcdef'[index]}`.repeat(4),
      name: started ? host : '',
      ...(wanted.some(({ name }) => name === host) ? { host } : {}),
      peerUrls: [`https://${address}:2380`],
      clientUrls: started ? [`https://${address}:2379`] : [],
      isLearner,
      isLeader,
      alarms,
      healthy: healthy && started,
      ...(healthy ? {} : { error: 'context deadline exceeded' }),
      ...(healthy ? { state: stateOf(`https://${address}:2379`, sketch.version ?? '3.6.14') } : {}),
    };
  });
  const there = new Set(members.map(({ host }) => host));
  return {
    membership,
    members,
    missing: wanted.flatMap(({ name }) => (there.has(name) ? [] : [name])),
    strayAlarms,
    failures: [],
  };
}

function stateOf(endpoint: string, version: string): NonNullable<ObservedMember['state']> {
  return {
    endpoint,
    healthy: true,
    status: {
      memberId: '1',
      clusterId: '9',
      leaderId: '1',
      isLearner: false,
      version,
      raftTerm: 2,
      raftIndex: 10,
      raftAppliedIndex: 10,
      revision: 5,
      dbSizeBytes: 1000,
      dbSizeInUseBytes: 1000,
      errors: [],
    },
  };
}
