import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { promtool } from '../../../lab/index.js';
import { seal } from '../../plan/index.js';
import { planContext, smallCluster } from '../plan-context.fixture.js';
import { writeMonitoring } from './monitoring.js';

const execute = promisify(execFile);
const members = ['m1', 'm2', 'm3'];

/** The files of a cluster, by name. */
function filesOf(etcd: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const ctx = planContext(
    smallCluster({
      hosts: [
        ...members.map((name, index) => ({ name, address: `10.0.0.1${index + 1}` })),
        { name: 'w1', address: '10.0.0.21' },
      ],
      roleGroups: { etcd: members, 'control-plane': ['m1'], worker: ['w1'] },
      etcd: { backup: { schedule: 'daily' }, ...etcd },
    }),
  );
  const graph = seal('monitoring', writeMonitoring({ dir: '/m' }).plan(ctx), { hosts: [] });
  const params = graph.nodes.flatMap(({ jobs }) =>
    jobs.map(({ step }) => step.params as unknown as { target: string; content?: string }),
  );
  return Object.fromEntries(params.map(({ target, content }) => [target.replace('/m/', ''), content ?? '']));
}

const listener = { performance: { metricsUrls: ['http://0.0.0.0:2381'] } };

describe('the scrape config', () => {
  interface Scrape {
    readonly scrape_configs: readonly {
      readonly scheme?: string;
      readonly tls_config?: Readonly<Record<string, string>>;
      readonly static_configs: readonly { readonly targets: readonly string[] }[];
    }[];
  }
  const first = (files: Record<string, string>) => {
    const { scrape_configs: configs } = parse(files['scrape.yml'] ?? '') as Scrape;
    return { ...configs[0], targets: configs[0]?.static_configs.flatMap(({ targets }) => targets) };
  };

  test('names the listener for metrics where there is one, and no key', () => {
    const { scheme, tls_config, targets } = first(filesOf(listener));
    expect([scheme, tls_config, targets]).toEqual(['http', undefined, members.map((_, n) => `10.0.0.1${n + 1}:2381`)]);
  });

  test.each([
    ['none', []],
    ['one that only the host itself reaches', ['http://127.0.0.1:2381']],
  ])('names the client port and the files for it where there is %s', (_what, metricsUrls) => {
    const { scheme, tls_config, targets } = first(filesOf({ performance: { metricsUrls } }));
    expect([scheme, targets]).toEqual(['https', members.map((_, n) => `10.0.0.1${n + 1}:2379`)]);
    expect(tls_config).toEqual({
      ca_file: '/srv/.kubexm/small/certs/etcd/ca.pem',
      cert_file: '/srv/.kubexm/small/certs/etcd/admin.pem',
      key_file: '/srv/.kubexm/small/certs/etcd/admin-key.pem',
    });
  });
});

test('backups are watched only where some are to be made', () => {
  expect(filesOf()['rules.yml']).toContain('EtcdBackupTooOld');
  expect(filesOf({ backup: {} })['rules.yml']).not.toContain('EtcdBackupTooOld');
});

test('the dashboard has a query in every panel, and panels that do not overlap', () => {
  const { panels } = JSON.parse(filesOf()['dashboard.json'] ?? '') as {
    panels: { targets: { expr: string }[]; gridPos: { x: number; y: number } }[];
  };
  expect(panels.length).toBeGreaterThan(8);
  expect(panels.every(({ targets }) => targets.length > 0 && targets.every(({ expr }) => expr !== ''))).toBe(true);
  expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x},${y}`)).size).toBe(panels.length);
});

// promtool is Debian's: elsewhere there is none to be had.
describe.runIf(process.platform === 'linux')('what promtool says', () => {
  let program = '';
  beforeAll(async () => {
    program = await promtool({ log: () => {} });
  }, 120_000);

  /** Writes the files and runs promtool there. */
  async function said(args: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'kubexm-promtool-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const { stdout, stderr } = await execute(program, args, { cwd: directory });
    return stdout + stderr;
  }

  test('rules and scrape config are valid', async () => {
    const written = filesOf(listener);
    // scrape_config_files, which is how the file is meant to be read, came with 2.43.
    const config = { rule_files: ['rules.yml'], ...(parse(written['scrape.yml'] ?? '') as object) };
    const files = { ...written, 'prometheus.yml': stringify(config) };
    expect(await said(['check', 'config', 'prometheus.yml'], files)).toMatch(/SUCCESS: 11 rules found/);
  });

  test('it would notice a rule that is none', async () => {
    const broken = { 'rules.yml': (filesOf()['rules.yml'] ?? '').replace('== 0', '== == 0') };
    await expect(said(['check', 'rules', 'rules.yml'], broken)).rejects.toThrow();
  });

  const job = 'job="etcd-small"';
  const up = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).map(([instance, text]) => ({ series: `up{${job},instance="${instance}"}`, values: text }));
  const alert = (alertname: string, eval_time: string, ...exp_alerts: Readonly<Record<string, string>>[]) => ({
    alertname,
    eval_time,
    exp_alerts: exp_alerts.map((exp_labels) => ({ exp_labels })),
  });
  const run = (input_series: object[], alert_rule_test: object[]) => ({
    interval: '1m',
    input_series,
    alert_rule_test,
  });
  const critical = { severity: 'critical' };
  const certificate = 'probe_ssl_earliest_cert_expiry{job="etcd-certificates-small",instance="10.0.0.11:2379"}';

  test.each([
    [
      'all three answer: nothing',
      run(up({ a: '1x20', b: '1x20', c: '1x20' }), [
        alert('EtcdNoQuorum', '10m'),
        alert('EtcdQuorumAtRisk', '10m'),
        alert('EtcdMemberDown', '10m'),
      ]),
    ],
    [
      'one is down: the quorum is at risk, and not lost',
      run(up({ a: '1x20', b: '1x20', c: '0x20' }), [
        alert('EtcdQuorumAtRisk', '10m', critical),
        alert('EtcdMemberDown', '10m', { severity: 'warning', job: 'etcd-small', instance: 'c' }),
        alert('EtcdNoQuorum', '10m'),
      ]),
    ],
    [
      'two are down: it is lost',
      run(up({ a: '1x20', b: '0x20', c: '0x20' }), [
        alert('EtcdNoQuorum', '10m', critical),
        alert('EtcdQuorumAtRisk', '10m'),
      ]),
    ],
    ['nobody tells anything: that is no quorum either', run([], [alert('EtcdNoQuorum', '10m', critical)])],
    [
      'a database that is nearly full',
      run(
        [
          { series: `etcd_mvcc_db_total_size_in_bytes{${job},instance="a"}`, values: '81x20' },
          { series: `etcd_server_quota_backend_bytes{${job},instance="a"}`, values: '100x20' },
        ],
        [alert('EtcdDatabaseNearQuota', '15m', { ...critical, job: 'etcd-small', instance: 'a' })],
      ),
    ],
    ['no backup was ever made', run([], [alert('EtcdBackupTooOld', '20m', { ...critical, cluster: 'small' })])],
    [
      'a backup of yesterday is well, one of the day before is not',
      run(
        [
          {
            series: 'kubexm_etcd_backup_last_success_timestamp_seconds{cluster="small",instance="a"}',
            values: '0x2000',
          },
        ],
        [alert('EtcdBackupTooOld', '25h'), alert('EtcdBackupTooOld', '27h', critical)],
      ),
    ],
    [
      'a certificate with 20 days left',
      run(
        [{ series: certificate, values: `${20 * 86_400}x100` }],
        [
          alert('EtcdCertificateExpires', '90m', {
            severity: 'warning',
            job: 'etcd-certificates-small',
            instance: '10.0.0.11:2379',
          }),
        ],
      ),
    ],
  ])('alerts: %s', async (_what, trial) => {
    const files: Record<string, string> = {
      ...filesOf(),
      'trial.yml': stringify({ rule_files: ['rules.yml'], tests: [trial] }),
    };
    // Annotations are compared too where they are named; these trials are about when an alert comes.
    const rules = parse(files['rules.yml'] ?? '') as { groups: { rules: { annotations?: unknown }[] }[] };
    for (const rule of rules.groups.flatMap((group) => group.rules)) delete rule.annotations;
    expect(await said(['test', 'rules', 'trial.yml'], { ...files, 'rules.yml': stringify(rules) })).toContain(
      'SUCCESS',
    );
  });
});
