import { stringify } from 'yaml';
import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft } from '../../plan/index.js';
import { renderTemplate, type StepContext, writeFile } from '../../step/index.js';
import { defineTask, type PlanContext, type Task } from '../context.js';
import { certificateFiles } from '../pki.js';
import { type EtcdMemberSpec, etcdMembers } from './endpoints.js';
import { etcdDashboard } from './monitoring-dashboard.js';
import { etcdRules } from './monitoring-rules.js';

/** Names by which the files know each other: the jobs of Prometheus. */
export interface MonitoringJobs {
  readonly members: string;
  readonly certificates: string;
}

/** Writes what Prometheus, Grafana and their exporters need to watch this etcd into a directory of the control machine. */
export function writeMonitoring({ dir }: { readonly dir: string }): Task {
  return defineTask('monitoring', (ctx) => {
    const cluster = ctx.cluster.metadata.name;
    const { etcd } = ctx.cluster.spec;
    if (etcd.type !== 'kubexm') throw new KubexmError('INTERNAL', 'an etcd of somebody else is not monitored');
    const members = etcdMembers(ctx);
    const jobs: MonitoringJobs = { members: `etcd-${cluster}`, certificates: `etcd-certificates-${cluster}` };
    const targets = targetsOf(members, etcd.performance.metricsUrls);
    const g = draft<StepContext>('monitoring');
    const file = (name: string, content: string) =>
      g.add(name, [CONTROL_NODE], writeFile({ content, target: `${dir}/${name}`, mode: 0o644 }));
    const template = (name: string, from: string, data: Record<string, string>) =>
      g.add(name, [CONTROL_NODE], renderTemplate({ template: from, data, target: `${dir}/${name}` }));
    file('scrape.yml', yaml(scrapeConfigs(ctx, { jobs, targets, members })));
    file(
      'rules.yml',
      yaml(etcdRules({ cluster, jobs, members: members.length, backups: etcd.backup.schedule !== undefined })),
    );
    file('dashboard.json', `${JSON.stringify(etcdDashboard({ cluster, jobs }), null, 1)}\n`);
    file('blackbox.yml', yaml(blackboxModules(ctx)));
    template('README.md', 'etcd/monitoring-readme.md', { cluster, access: accessText(ctx, targets) });
    template('backup-metric.conf', 'etcd/backup-metric.conf', { cluster });
    return g.done();
  });
}

interface Targets {
  readonly scheme: 'http' | 'https';
  /** `10.0.0.11:2381`, with the member that it is of. */
  readonly addresses: readonly { readonly member: string; readonly address: string }[];
  /** A listener that exists for metrics alone. */
  readonly isListener: boolean;
}

/** The listener for metrics where it can be reached from elsewhere, else the client port, which asks for a certificate. */
function targetsOf(members: readonly EtcdMemberSpec[], metricsUrls: readonly string[]): Targets {
  const urls = metricsUrls.map((url) => new URL(url));
  const everywhere = urls.find(({ hostname }) => hostname === '0.0.0.0' || hostname === '[::]');
  const port = everywhere?.port ?? '';
  if (everywhere !== undefined && port !== '') {
    return {
      scheme: everywhere.protocol === 'https:' ? 'https' : 'http',
      addresses: members.map(({ name, address }) => ({ member: name, address: `${bracketed(address)}:${port}` })),
      isListener: true,
    };
  }
  return {
    scheme: 'https',
    addresses: members.map(({ name, clientUrl }) => ({ member: name, address: new URL(clientUrl).host })),
    isListener: false,
  };
}

function scrapeConfigs(
  ctx: PlanContext,
  {
    jobs,
    targets,
    members,
  }: { readonly jobs: MonitoringJobs; readonly targets: Targets; readonly members: readonly EtcdMemberSpec[] },
) {
  const labels = (member: string) => ({ cluster: ctx.cluster.metadata.name, member });
  return {
    scrape_configs: [
      {
        job_name: jobs.members,
        scheme: targets.scheme,
        ...(targets.scheme === 'https' ? { tls_config: clientFiles(ctx) } : {}),
        static_configs: targets.addresses.map(({ member, address }) => ({
          targets: [address],
          labels: labels(member),
        })),
      },
      {
        job_name: jobs.certificates,
        metrics_path: '/probe',
        params: { module: [blackboxModule] },
        scrape_interval: '1h',
        static_configs: members.map(({ name, clientUrl, peerUrl }) => ({
          targets: [new URL(clientUrl).host, new URL(peerUrl).host],
          labels: labels(name),
        })),
        relabel_configs: [
          { source_labels: ['__address__'], target_label: '__param_target' },
          { source_labels: ['__param_target'], target_label: 'instance' },
          { target_label: '__address__', replacement: '127.0.0.1:9115' },
        ],
      },
    ],
  };
}

const blackboxModule = 'etcd_tls';

function blackboxModules(ctx: PlanContext) {
  return {
    modules: { [blackboxModule]: { prober: 'tcp', timeout: '10s', tcp: { tls: true, tls_config: clientFiles(ctx) } } },
  };
}

function clientFiles(ctx: PlanContext) {
  const admin = certificateFiles(ctx, 'etcd', 'admin');
  return { ca_file: certificateFiles(ctx, 'etcd', 'ca').cert, cert_file: admin.cert, key_file: admin.key };
}

function accessText(ctx: PlanContext, { isListener, addresses, scheme }: Targets): string {
  const first = addresses[0]?.address ?? '';
  if (isListener)
    return `From the listener of \`etcd.performance.metricsUrls\` (\`${scheme}://${first}/metrics\`), which shows metrics and nothing else. Let only Prometheus reach it.`;
  const { cert_file, key_file, ca_file } = clientFiles(ctx);
  return [
    `From the client port (\`https://${first}/metrics\`) with the files \`${ca_file}\`, \`${cert_file}\` and \`${key_file}\`. Where Prometheus runs elsewhere, bring them there`,
    'and write their new paths into `scrape.yml`. **Whoever has that key can read and change everything in etcd, all Secrets of the cluster among it.** Better: set',
    "`etcd.performance.metricsUrls: ['http://0.0.0.0:2381']`, run `kubexm cluster create`, then this command again: then no key leaves the control machine for the metrics.",
  ].join('\n');
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function yaml(value: object): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
