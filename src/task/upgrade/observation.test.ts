import { describe, expect, test } from 'vitest';
import { etcdStateReport } from '../etcd/observation.js';
import type { Findings } from '../findings.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { observeUpgrade, runningVersions } from './observation.js';
import { observedUpgrade } from './upgrade.fixture.js';

const cluster = smallCluster({ kubernetes: { version: 'v1.33.13' } });
const ctx = planContext(cluster, { facts: { m1: { leftovers: ['/etc/kubernetes/admin.conf'] } } });
const observed = observedUpgrade(ctx, 'v1.33.13');

/** What a healthy cluster says, without what is named. */
function findings(without?: string, failures: Findings['failures'] = []): Findings {
  const api = { group: 'policy', version: 'v1beta1', resource: 'things', removedRelease: '1.35' };
  const reports = [
    ...[...observed.hosts].map(([host, data]) => ({ report: 'upgrade:versions', host, data })),
    { report: 'upgrade:objects', host: 'm1', data: observed.objects },
    { report: 'upgrade:stored', host: 'm1', data: observed.stored },
    { report: 'upgrade:deprecated-apis', host: 'm1', data: [api, api] },
    { report: etcdStateReport, host: 'm1', data: { endpoints: [], alarms: [] } },
  ];
  const told = reports.filter(({ report, host }) => `${report} ${host}` !== without);
  return { reports: told as unknown as Findings['reports'], failures };
}

describe('what is seen before an upgrade', () => {
  test('everything was told', () => {
    const seen = observeUpgrade(ctx, findings());
    expect(seen.hosts).toEqual(observed.hosts);
    expect(seen.deprecated.map(({ resource }) => resource)).toEqual(['things']);
  });

  test('an API server that does not say what it was asked for is named', () => {
    expect(observeUpgrade(ctx, findings()).uncounted).toEqual([]);
    expect(observeUpgrade(ctx, findings('upgrade:deprecated-apis m1')).uncounted).toEqual(['m1']);
  });

  test.each(['upgrade:versions w1', 'upgrade:objects m1', 'upgrade:stored m1'])(
    'where %s was not told, no upgrade begins',
    (without) => {
      const failures = [{ host: 'm1', message: 'the API does not answer' }];
      expect(() => observeUpgrade(ctx, findings(without, failures))).toThrow(
        expect.objectContaining({ code: 'GUARD_REFUSED', details: ['m1: the API does not answer'] }) as Error,
      );
    },
  );
});

describe('what runs', () => {
  const without = (host: string, more: object) =>
    new Map([...observed.hosts].map(([name, report]) => [name, name === host ? { ...report, ...more } : report]));

  test('a kubelet that is down while it is upgraded is known by what the API heard last', () => {
    const hosts = without('w1', { running: undefined, installed: 'v1.34.4' });
    expect(runningVersions(ctx, { hosts, objects: observed.objects }).kubelets).toEqual(['v1.33.13', 'v1.33.13']);
  });

  test('a host of the config that is no node yet comes first', () => {
    const hosts = without('w1', { running: undefined, installed: undefined });
    const objects = { ...observed.objects, nodes: observed.objects.nodes.filter(({ name }) => name !== 'w1') };
    expect(() => runningVersions(ctx, { hosts, objects })).toThrow(/w1 has no kubelet/);
  });

  test('hosts without a control plane have nothing to upgrade', () => {
    const hosts = without('m1', { controlPlane: {} });
    expect(() => runningVersions(ctx, { hosts, objects: observed.objects })).toThrow(/there is nothing to upgrade/);
  });
});
