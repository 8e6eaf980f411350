import { describe, expect, test } from 'vitest';
import type { Json } from '../../plan/index.js';
import type { EtcdStateReport } from '../../step/index.js';
import type { Findings } from '../findings.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { etcdVerdict, observeHealth } from './health.js';
import { etcdStateReport, observeEtcd } from './observation.js';

const names = ['m1', 'm2', 'm3'] as const;
const address = (name: string) => `10.0.0.1${name.slice(1)}`;
const client = (name: string) => `https://${address(name)}:2379`;
const idOf = (name: string) => `a${name.slice(1)}`;

const ctx = planContext(
  smallCluster({
    hosts: [...names.map((name) => ({ name, address: address(name) })), { name: 'w1', address: '10.0.0.21' }],
    roleGroups: { etcd: names, 'control-plane': ['m1'], worker: ['w1'] },
  }),
);

const members = names.map((name) => ({
  id: idOf(name),
  name,
  peerUrls: [`https://${address(name)}:2380`],
  clientUrls: [client(name)],
  isLearner: false,
}));

type Endpoint = EtcdStateReport['endpoints'][number];
type Status = NonNullable<Endpoint['status']>;

function endpoint(name: string, over: Partial<Status> = {}): Endpoint {
  return {
    endpoint: client(name),
    healthy: true,
    latencyMs: 2,
    status: {
      memberId: idOf(name),
      clusterId: 'c1',
      leaderId: 'a1',
      isLearner: false,
      version: '3.6.14',
      raftTerm: 3,
      raftIndex: 1000,
      raftAppliedIndex: 1000,
      revision: 900,
      dbSizeBytes: 50,
      dbSizeInUseBytes: 20,
      quotaBytes: 100,
      errors: [],
      ...over,
    },
  };
}
const down = (name: string): Endpoint => ({ endpoint: client(name), healthy: false, error: 'connection refused' });

interface Said {
  readonly endpoints?: readonly Endpoint[];
  readonly agreed?: boolean;
  readonly alarms?: EtcdStateReport['alarms'];
  readonly list?: EtcdStateReport['members'];
}

const state = (
  host: string,
  { endpoints = [endpoint(host)], agreed = true, alarms = [], list = members }: Said = {},
) => ({
  report: etcdStateReport,
  host,
  data: {
    endpoints,
    ...(agreed ? { members: list } : {}),
    localMembers: list,
    alarms,
    errors: [],
  } as unknown as Json,
});
const apiserver = (etcdServers: readonly string[] = names.map(client)) => ({
  report: 'etcd:apiservers',
  host: 'm1',
  data: { present: true, etcdServers },
});

/** Every host has every certificate, but for what `over` says of one file. */
function certificates(over: Readonly<Record<string, Readonly<Record<string, Json>>>> = {}): Findings['reports'] {
  const file = (directory: string, name: string, sans: readonly string[] = []) => ({
    name: `${directory}/${name}.pem`,
    subject: 'CN=x',
    sans,
    expiresAt: '2027-01-01T00:00:00.000Z',
    daysLeft: 300.5,
    serial: '01',
    fingerprint: name,
    signedBy: ['ca'],
    ...over[name],
  });
  const sansOf = (name: string) => [`DNS:${name}`, 'DNS:localhost', `IP:${address(name)}`, 'IP:127.0.0.1'];
  return [
    ...names.map((name) => ({
      report: 'etcd:certificates',
      host: name,
      data: {
        certificates: [
          ...['ca', 'admin', ...(name === 'm1' ? ['apiserver-etcd-client'] : [])].map((each) =>
            file('/etc/etcd/pki', each),
          ),
          ...['server', 'peer'].map((each) => ({
            ...file('/etc/etcd/pki', each, sansOf(name)),
            fingerprint: `${each}-${name}`,
          })),
        ],
        broken: [],
      } as unknown as Json,
    })),
    {
      report: 'etcd:certificates',
      host: 'control-node',
      data: {
        certificates: [
          'ca',
          'admin',
          'apiserver-etcd-client',
          ...names.flatMap((name) => [`server-${name}`, `peer-${name}`]),
        ].map((each) => file(ctx.workDirs.getCertsDir('etcd'), each)),
        broken: [],
      },
    },
  ];
}
const findings = (reports: Findings['reports'], failures: Findings['failures'] = []): Findings => ({
  reports,
  failures,
});
const allWell = () => [...names.map((name) => state(name)), apiserver(), ...certificates()];

describe('a healthy etcd', () => {
  const health = observeHealth(ctx, findings(allWell()));

  test('has no problems', () => {
    expect(health).toMatchObject({
      verdict: 'healthy',
      quorum: '3 of 3 voters healthy, quorum 2: 1 may fail',
      problems: [],
    });
    expect(health.members[1]).toEqual({
      id: 'a2',
      name: 'm2',
      host: 'm2',
      role: 'voter',
      state: 'healthy',
      endpoint: client('m2'),
      latencyMs: 2,
      version: '3.6.14',
      raftTerm: 3,
      raftIndex: 1000,
      lag: 0,
      dbSizeBytes: 50,
      dbSizeInUseBytes: 20,
      quotaBytes: 100,
      dbPercent: 50,
      alarms: [],
    });
  });

  test('knows every certificate on every host, and that they are those of the work directory', () => {
    expect(health.certificates.map(({ host, path }) => `${host} ${path.replace('/etc/etcd/pki/', '')}`)).toEqual([
      ...['ca', 'admin', 'apiserver-etcd-client', 'server', 'peer'].map((name) => `m1 ${name}.pem`),
      ...['m2', 'm3'].flatMap((host) => ['ca', 'admin', 'server', 'peer'].map((name) => `${host} ${name}.pem`)),
    ]);
    expect(health.certificates.every(({ isOwn, daysLeft }) => isOwn === true && daysLeft === 300)).toBe(true);
  });
});

describe('what is wrong is said', () => {
  const of = (name: string, over: Partial<Status>) => state(name, { endpoints: [endpoint(name, over)] });
  const replaced = (name: string, said: Findings['reports'][number]) =>
    allWell().map((each) => (each.report === etcdStateReport && each.host === name ? said : each));

  test.each<readonly [string, Findings['reports'], string]>([
    [
      'a database that is nearly full',
      replaced('m2', of('m2', { dbSizeBytes: 81 })),
      'the database of m2 fills 81 % of its quota',
    ],
    ['a member far behind', replaced('m1', of('m1', { raftIndex: 9000 })), 'm2 is 8000 entries behind the leader'],
    ['versions', replaced('m3', of('m3', { version: '3.5.26' })), 'members of different versions: 3.5.26, 3.6.14'],
    ['two clusters', replaced('m3', of('m3', { clusterId: 'c2' })), 'members of different clusters: c1, c2'],
    ['two leaders', replaced('m3', of('m3', { leaderId: 'a3' })), 'the members do not agree who leads'],
    [
      'an alarm',
      replaced('m1', state('m1', { alarms: [{ memberId: 'a2', alarm: 'NOSPACE' }] })),
      'alarm NOSPACE of m2',
    ],
    [
      'an alarm of a member that was removed',
      replaced('m1', state('m1', { alarms: [{ memberId: 'dead', alarm: 'CORRUPT' }] })),
      'alarm CORRUPT of dead, which is no member any more',
    ],
    [
      'an alarm of nobody',
      replaced('m1', state('m1', { alarms: [{ memberId: '0', alarm: 'CORRUPT' }] })),
      'alarm CORRUPT of a member that etcd cannot name',
    ],
    [
      'an apiserver with another list',
      [...allWell().filter(({ report }) => report !== 'etcd:apiservers'), apiserver([client('m1')])],
      'the apiserver of m1 names https://10.0.0.11:2379, which are not the members; kubexm cluster create puts that right',
    ],
    [
      'a certificate that runs out',
      [...names.map((name) => state(name)), apiserver(), ...certificates({ admin: { daysLeft: 12.9 } })],
      '/etc/etcd/pki/admin.pem on m1 runs out in 12 days',
    ],
    [
      'one without the names of the config',
      [...names.map((name) => state(name)), apiserver(), ...certificates({ peer: { sans: ['DNS:m1'] } })],
      '/etc/etcd/pki/peer.pem on m1 does not have DNS:localhost, IP:10.0.0.11, IP:127.0.0.1',
    ],
    [
      'a learner',
      names.map((name) => state(name, { list: members.map((each) => ({ ...each, isLearner: each.name === 'm3' })) })),
      'm3 is a learner and does not vote',
    ],
    [
      'a member of nobody',
      names.map((name) =>
        state(name, {
          list: [
            ...members,
            { ...members[0], id: 'ff', name: 'old', peerUrls: ['https://9.9.9.9:2380'], clientUrls: [] } as never,
          ],
        }),
      ),
      'old (https://9.9.9.9:2380) is a member and no host of the config',
    ],
  ])('%s', (_what, reports, problem) => {
    const { verdict, problems } = observeHealth(ctx, findings(reports));
    expect(problems).toContain(problem);
    expect(verdict).toBe('degraded');
  });

  test('under an alarm the members are healthy, and take no writes', () => {
    const reports = replaced('m1', state('m1', { alarms: [{ memberId: 'a2', alarm: 'NOSPACE' }] }));
    const health = observeHealth(ctx, findings(reports));
    expect(health.members.map((each) => each.state)).toEqual(['healthy', 'healthy', 'healthy']);
    expect(health.quorum).toBe(
      '3 of 3 voters healthy, quorum 2: 1 may fail; no writes while the alarm NOSPACE is raised',
    );
    const gone = replaced('m1', state('m1', { alarms: [{ memberId: 'dead', alarm: 'CORRUPT' }] }));
    expect(observeHealth(ctx, findings(gone)).quorum).toMatch(/no writes while the alarm CORRUPT is raised$/);
  });
});

describe('what is not known is not absent', () => {
  test('a host that does not answer: its member is asked by another one, its files are unknown', () => {
    const facts = new Map([...ctx.facts].filter(([name]) => name !== 'm3'));
    const health = observeHealth(
      { ...ctx, facts },
      findings([
        state('m1', { endpoints: [endpoint('m1'), down('m3')] }),
        state('m2'),
        apiserver(),
        ...certificates().filter(({ host }) => host !== 'm3'),
      ]),
    );
    expect(health).toMatchObject({ verdict: 'degraded', quorum: '2 of 3 voters healthy, quorum 2: none may fail' });
    expect(health.problems).toEqual([
      'm3 is not healthy: connection refused',
      'm3 does not answer: what only it can tell is unknown',
    ]);
    expect(health.members[2]).toMatchObject({ name: 'm3', state: 'unhealthy', role: 'unknown' });
  });

  test('one that could not be asked at all', () => {
    const observed = observeEtcd(ctx, findings([state('m1'), state('m2')]));
    const [, , third] = observeHealth(ctx, findings([state('m1'), state('m2')])).members;
    expect(third).toMatchObject({ state: 'unknown', role: 'unknown', error: expect.stringContaining('not asked') });
    expect(observed.missing).toEqual([]);
  });

  test('where nobody answers, nobody is said to be missing', () => {
    const failures = names.map((host) => ({ host, message: `${host}: etcd cannot be asked` }));
    const health = observeHealth(ctx, findings([], failures));
    expect(health).toMatchObject({ verdict: 'no-quorum', quorum: 'nobody tells who the members are', members: [] });
    expect(health.problems).toContain('m2: etcd cannot be asked: what only it can tell is unknown');
    expect(health.problems.join()).not.toContain('no member');
  });
});

test('without a quorum the list of a single member is no reason to call others absent', () => {
  const alone = findings([
    state('m1', { agreed: false, endpoints: [{ ...endpoint('m1'), healthy: false }, down('m2'), down('m3')] }),
  ]);
  const observed = observeEtcd(ctx, alone);
  expect([etcdVerdict(observed), observed.missing]).toEqual(['no-quorum', []]);
  expect(observeHealth(ctx, alone)).toMatchObject({
    verdict: 'no-quorum',
    quorum: '0 of 3 voters healthy, quorum 2: no quorum: every write fails',
  });
});
