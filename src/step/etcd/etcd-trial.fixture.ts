import { etcdPrograms } from '../../common/etcd-programs.js';
import type { FakeHost } from '../../runner/index.js';
import { type HostTrial, hostTrial } from '../host-step.fixture.js';
import type { EtcdPeer } from './leader.js';

/** A member of the etcd in memory; ids are 1, 2, 3. */
interface TrialMember {
  version: string;
  storage: string | undefined;
  serving: boolean;
  size: number;
  inUse: number;
}

export interface EtcdTrial extends HostTrial {
  readonly own: EtcdPeer;
  readonly others: readonly EtcdPeer[];
  /** m1 is the member of the host. */
  readonly members: Record<string, TrialMember>;
  leader: string;
  alarms: string[];
  /** The member that raised them. */
  alarmed: number;
  revision: number;
  compacted: number;
  /** Version of the programs in place, without v. */
  installed: string;
  /** The programs of this version do not start. */
  broken: string;
  /** What was done, in order: `stop`, `start 3.6.14`, `place 3.6.14`, `move-leader m2`, `defrag`, … */
  readonly deeds: string[];
}

/** m1 on a fake host, with m2 and m3 elsewhere: what etcdctl and systemctl say of them, and what they do to them. */
export function etcdTrial({ version = '3.5.35', storage }: { version?: string; storage?: string } = {}): EtcdTrial {
  const peers = ['m1', 'm2', 'm3'].map((name, index): EtcdPeer => {
    const address = `10.0.0.1${index + 1}`;
    return { name, peerUrl: `https://${address}:2380`, endpoint: `https://${address}:2379` };
  });
  const member = (): TrialMember => ({ version, storage, serving: true, size: 100 * 2 ** 20, inUse: 20 * 2 ** 20 });
  const members: Record<string, TrialMember> = { m1: member(), m2: member(), m3: member() };
  const base = hostTrial({ name: 'm1', services: { etcd: { active: 'active' } } });
  const [own, ...others] = peers as [EtcdPeer, EtcdPeer, EtcdPeer];
  const trial: EtcdTrial = Object.assign(base, {
    own,
    others,
    members,
    leader: 'm2',
    alarms: [],
    alarmed: 1,
    revision: 5000,
    compacted: 0,
    installed: version,
    broken: '',
    deeds: [],
  });
  answer(trial, peers);
  return trial;
}

function answer(t: EtcdTrial, peers: readonly EtcdPeer[]): void {
  const { host } = t;
  const asked = (text: string) => peers.filter(({ endpoint }) => text.includes(endpoint));
  const of = ({ name }: EtcdPeer) => t.members[name] as TrialMember;
  const idOf = (name: string) => peers.findIndex((peer) => peer.name === name) + 1;
  const quorum = () => peers.filter((peer) => of(peer).serving).length >= 2;
  const lead = () => (quorum() ? idOf(t.leader) : 0);

  host.script(/endpoint status/, ({ text }) => {
    const serving = asked(text).filter((peer) => of(peer).serving);
    const list = serving.map((peer) => ({
      Endpoint: peer.endpoint,
      Status: {
        header: { cluster_id: 7, member_id: idOf(peer.name), revision: t.revision },
        version: of(peer).version,
        ...(of(peer).storage === undefined ? {} : { storageVersion: of(peer).storage }),
        leader: lead(),
        raftIndex: 900,
        raftAppliedIndex: 900,
        dbSize: of(peer).size,
        dbSizeInUse: of(peer).inUse,
      },
    }));
    return { stdout: JSON.stringify(list), exitCode: serving.length === asked(text).length ? 0 : 1 };
  });
  host.script(/endpoint health/, ({ text }) => ({
    stdout: JSON.stringify(
      asked(text).map((peer) => ({
        endpoint: peer.endpoint,
        health: of(peer).serving && quorum() && t.alarms.length === 0,
        took: '2ms',
        ...(!of(peer).serving || !quorum()
          ? { error: 'context deadline exceeded' }
          : t.alarms.length > 0
            ? { error: `Active Alarm(s): ${t.alarms.map((alarm) => `${alarm} `).join('')}` }
            : {}),
      })),
    ),
  }));
  host.script(/member list/, () =>
    JSON.stringify({
      members: peers.map(({ name, peerUrl, endpoint }) => ({
        ID: idOf(name),
        name,
        peerURLs: [peerUrl],
        clientURLs: [endpoint],
      })),
    }),
  );
  host.script(/move-leader (\d)/, ({ text }) => {
    t.leader = peers[Number(/move-leader (\d)/.exec(text)?.[1]) - 1]?.name ?? '';
    t.deeds.push(`move-leader ${t.leader}`);
    return '';
  });
  host.script(/ defrag$/, ({ text }) => {
    for (const peer of asked(text)) of(peer).size = of(peer).inUse;
    t.deeds.push('defrag');
    return '';
  });
  space(t);
  service(t, host);
}

function space(t: EtcdTrial): void {
  const { host } = t;
  host.script(/ get .*--rev=(\d+)/, ({ text }) =>
    Number(/--rev=(\d+)/.exec(text)?.[1]) < t.compacted
      ? { exitCode: 1, stderr: 'Error: etcdserver: mvcc: required revision has been compacted' }
      : '',
  );
  host.script(/ compact (\d+)/, ({ text }) => {
    t.compacted = Number(/ compact (\d+)/.exec(text)?.[1]);
    t.deeds.push(`compact ${t.compacted}`);
    return '';
  });
  host.script(/alarm list/, () =>
    JSON.stringify({ alarms: t.alarms.map((alarm) => ({ memberID: t.alarmed, alarm: alarm === 'CORRUPT' ? 2 : 1 })) }),
  );
  host.script(/alarm disarm/, () => {
    t.alarms = [];
    t.deeds.push('disarm');
    return '';
  });
}

function service(t: EtcdTrial, host: FakeHost): void {
  const own = t.members.m1 as TrialMember;
  const set = (active: 'active' | 'inactive' | 'failed') => {
    const before = host.services.get('etcd.service');
    if (before) host.services.set('etcd.service', { ...before, active });
    own.serving = active === 'active';
    if (own.serving) own.version = t.installed;
  };
  host.script(/systemctl stop/, () => {
    t.deeds.push('stop');
    set('inactive');
    return '';
  });
  host.script(/systemctl (re)?start/, () => {
    t.deeds.push(`start ${t.installed}`);
    set(t.installed === t.broken ? 'failed' : 'active');
    return t.installed === t.broken ? { exitCode: 1, stderr: 'Job for etcd.service failed' } : '';
  });
  host.script(/systemctl show --property=InvocationID/, () => 'InvocationID=abc');
  host.script(/journalctl/, () => 'it does not like its flags');
  host.script(/etcdutl snapshot status/, () => JSON.stringify({ version: own.storage ?? '' }));
  host.script(
    /\/usr\/local\/bin\/etcd --version|program.*--version/,
    () => `etcd Version: ${t.installed}\nGit SHA: x\n`,
  );
  host.script(/cmp -s/, ({ text }) => {
    const from = [...Object.values(t.members).map(({ version }) => version), '3.6.14'].find((version) =>
      text.includes(`${etcdPrograms.staged(`v${version}`)}/`),
    );
    const previous = text.includes(`cmp -s ${etcdPrograms.previous}/`);
    t.installed = previous ? '3.5.35' : (from ?? t.installed);
    t.deeds.push(`place ${t.installed}${text.includes(`mkdir -p ${etcdPrograms.previous}`) ? ', keep' : ''}`);
    return '';
  });
}
