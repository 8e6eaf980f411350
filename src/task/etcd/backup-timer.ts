import { etcdBackupTimer } from '../../common/etcd-snapshot.js';
import { hostPaths } from '../../common/host-paths.js';
import { draft, sameHost } from '../../plan/index.js';
import {
  checkCalendar,
  daemonReload,
  enableService,
  removeTimer,
  renderTemplate,
  restartService,
  type StepContext,
} from '../../step/index.js';
import { defineTask, hostsWithRole } from '../context.js';
import { etcdReady } from '../milestones.js';
import { etcdMembers } from './endpoints.js';

const { timer, service, script, state } = etcdBackupTimer;
const unitPath = (unit: string) => `${hostPaths.units}/${unit}`;

/**
 * Snapshots by time. Every member makes its own: any of them may be the one that is down, or the one whose disk is lost.
 * They do it some seconds apart.
 */
export const installBackupTimer = defineTask('backup-timer', (ctx) => {
  const { etcd, kubernetes } = ctx.cluster.spec;
  const g = draft<StepContext>('backup-timer');
  if (etcd.type === 'external') return g.done();
  const hosts = hostsWithRole(ctx, 'etcd').filter((host) => ctx.facts.has(host));
  const { schedule, dir, keep } = etcd.backup;
  if (schedule === undefined) {
    g.add('remove', hosts, noBackupTimer());
    return g.done();
  }
  const endpoints = new Map(etcdMembers(ctx).map(({ name, clientUrl }) => [name, clientUrl]));
  const valid = g.add('check-schedule', hosts, checkCalendar({ calendar: schedule }));
  const after = { after: sameHost(valid) };
  const written = [
    g.add(
      'write-script',
      hosts,
      renderTemplate({ template: 'etcd/backup.sh', data: {}, target: script, mode: 0o755 }),
      after,
    ),
    g.addEach(
      'write-service',
      hosts,
      (host) =>
        renderTemplate({
          template: 'etcd/backup.service',
          data: {
            cluster: ctx.cluster.metadata.name,
            member: host,
            endpoint: endpoints.get(host) ?? '',
            dir,
            keep,
            kubernetes: kubernetes.version,
            state,
            script,
          },
          target: unitPath(service),
        }),
      after,
    ),
    g.add(
      'write-timer',
      hosts,
      renderTemplate({ template: 'etcd/backup.timer', data: { schedule }, target: unitPath(timer) }),
      after,
    ),
  ];
  const reloaded = g.add('reload', hosts, daemonReload({ units: [timer, service] }), { after: sameHost(written) });
  const enabled = g.add('enable', hosts, enableService({ service: timer }), { after: sameHost(reloaded) });
  g.add('start', hosts, restartService({ service: timer, inputs: [unitPath(timer)] }), {
    after: [sameHost(enabled), etcdReady],
  });
  return g.done();
});

/** A host that makes no snapshots of its own (any more). */
export function noBackupTimer() {
  return removeTimer({ timer, service, files: [unitPath(timer), unitPath(service), script] });
}
