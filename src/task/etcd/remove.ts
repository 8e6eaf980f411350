import { hostMarks } from '../../common/host-marks.js';
import { hostPaths } from '../../common/host-paths.js';
import { draft, type HostName, sameHost } from '../../plan/index.js';
import {
  clearEtcdData,
  daemonReload,
  disableService,
  removeFile,
  type StepContext,
  stopService,
} from '../../step/index.js';
import { etcdCaKeyHosts, noRenewalTimer } from '../certs/renewal-timer.js';
import { defineTask, type Task } from '../context.js';
import { noBackupTimer } from './backup-timer.js';
import { etcdDirs } from './config.js';
import { etcdService, etcdUnit } from './service.js';

/** Hosts that are no members (any more), or whose cluster goes as a whole. */
export interface RemoveEtcd {
  readonly hosts: readonly HostName[];
  /** Delete the data; default: rename their directory. */
  readonly wipeData: boolean;
  /** Hosts whose apiserver goes on: what it needs to reach etcd stays. */
  readonly keepClient?: readonly HostName[];
}

const { config, pki } = hostPaths.etcd;
const { bin } = hostPaths;
const memberFiles = ['ca-key', 'server', 'server-key', 'peer', 'peer-key', 'admin', 'admin-key'].map(
  (name) => `${pki}/${name}.pem`,
);
const clientFiles = ['ca', 'apiserver-etcd-client', 'apiserver-etcd-client-key'].map((name) => `${pki}/${name}.pem`);
const programs = ['etcd', 'etcdctl', 'etcdutl'].map((name) => `${bin}/${name}`);

/** Takes etcd off hosts: service, data, unit, config, certificates and programs. */
export function removeEtcd({ hosts, wipeData, keepClient = [] }: RemoveEtcd): Task {
  return defineTask('remove-etcd', (ctx) => {
    const { certs, etcd } = ctx.cluster.spec;
    const g = draft<StepContext>('remove-etcd');
    if (etcd.type === 'external') return g.done();
    const timer = g.add('backup-timer', hosts, noBackupTimer());
    const stopped = g.add('stop', hosts, stopService({ service: etcdService }), { after: sameHost(timer) });
    const disabled = g.add('disable', hosts, disableService({ service: etcdService }), { after: sameHost(stopped) });
    const cleared = g.add('data', hosts, clearEtcdData({ ...etcdDirs(etcd), service: etcdService, wipe: wipeData }), {
      after: sameHost(disabled),
    });
    const stamp = `${hostMarks.serviceStamps}/etcd.json`;
    const after = { after: sameHost(cleared) };
    const alone = hosts.filter((host) => !keepClient.includes(host));
    const keeps = etcdCaKeyHosts(ctx).filter((host) => keepClient.includes(host) && certs.autoRenew.enabled);
    const gone = [etcdUnit, config, ...memberFiles, ...programs, stamp].map((path) => {
      const on = path === `${pki}/ca-key.pem` ? hosts.filter((host) => !keeps.includes(host)) : hosts;
      return g.add(`remove-${nameOf(path)}`, on, removeFile({ path }), after);
    });
    for (const path of clientFiles) g.add(`remove-${nameOf(path)}`, alone, removeFile({ path }), after);
    g.addEach('renewal-timer', alone, (host) => noRenewalTimer(ctx, host));
    g.add('reload', hosts, daemonReload({ units: [etcdService] }), { after: sameHost(gone) });
    return g.done();
  });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
