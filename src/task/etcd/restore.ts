import type { ManagedEtcd } from '../../apis/kubexms/v1alpha1/index.js';
import {
  etcdRestorePaths,
  type PreparedRestore,
  type RestoreMarker,
  type RestoreReport,
  restoreStage,
} from '../../common/etcd-restore.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { CONTROL_NODE, draft, type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  checkEtcdHealth,
  checkRestoredKeys,
  command,
  fileChecksum,
  finishEtcdRestore,
  forgetEtcdAlarms,
  parkStaticPods,
  prepareEtcdRestore,
  probeEtcdSnapshot,
  readRestoreMarker,
  readRestoreState,
  requireRestoreRoom,
  restoreReports,
  type SnapshotProbe,
  type StepContext,
  startService,
  stopService,
  swapEtcdData,
  unparkStaticPods,
  uploadFile,
  verifyCluster,
  verifyRestored,
  writeFile,
} from '../../step/index.js';
import { defineTask, hostsWithRole, nodeHosts, type PlanContext, type Task } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { apiserverUrl } from '../kubernetes/apiserver-url.js';
import { initHost } from '../kubernetes/init-host.js';
import { etcdDirs } from './config.js';
import { etcdMembers } from './endpoints.js';
import { type EtcdObservation, observeEtcd } from './observation.js';
import { requireSameData } from './restore-guards.js';
import { snapshotFirst } from './snapshot.js';

const service = 'etcd.service';
const apiserver = 'kube-apiserver';
/** They remember what was in etcd; started after the apiserver, they know nothing of it. */
const clients = ['kube-controller-manager', 'kube-scheduler'] as const;

/** What the hosts say before a restore. */
export interface RestoreObservation {
  readonly etcd: EtcdObservation;
  readonly members: readonly { readonly host: HostName; readonly report: RestoreReport }[];
  readonly controlPlanes: readonly {
    readonly host: HostName;
    readonly marker: RestoreMarker | null;
    readonly parked: boolean;
  }[];
}

/** The snapshot on the control machine, and under which id it is restored. */
export interface RestoreFile {
  readonly id: string;
  readonly path: string;
  readonly sha256: string;
  readonly bump: number;
  /** Its name in its metadata. */
  readonly name?: string;
  /** In bytes. Absent: a run before has prepared it in part, and its room is taken already. */
  readonly size?: number;
}

/** The members and what the snapshot showed when it was tried. */
export interface RestoreInspection {
  readonly prepared: readonly { readonly host: HostName; readonly data: PreparedRestore }[];
  readonly probe?: SnapshotProbe;
}

/** Looks for restores that are half done, on members and control planes. */
export const readRestore = defineTask('read-restore', (ctx) => {
  const g = draft<StepContext>('read-restore');
  const dataDir = dataDirOf(ctx);
  const members = etcdMembers(ctx).filter(({ name }) => ctx.facts.has(name));
  const endpoints = new Map(members.map(({ name, clientUrl }) => [name, clientUrl]));
  g.addEach(
    'members',
    members.map(({ name }) => name),
    (host) => readRestoreState({ dataDir, endpoint: endpoints.get(host) ?? '' }),
  );
  g.add(
    'control-planes',
    hostsWithRole(ctx, 'control-plane').filter((host) => ctx.facts.has(host)),
    readRestoreMarker({ component: apiserver }),
  );
  return g.done();
});

export function observeRestore(ctx: PlanContext, findings: Findings): RestoreObservation {
  return {
    etcd: observeEtcd(ctx, findings),
    members: reported<RestoreReport>(findings, restoreReports.state).map(({ host, data }) => ({ host, report: data })),
    controlPlanes: reported<{ marker: RestoreMarker | null; parked: boolean }>(findings, restoreReports.marker).map(
      ({ host, data }) => ({ host, ...data }),
    ),
  };
}

export function inspectRestore(findings: Findings): RestoreInspection {
  const prepared = reported<PreparedRestore>(findings, restoreReports.prepared);
  requireSameData(prepared);
  const probe = reported<SnapshotProbe>(findings, restoreReports.probe)[0]?.data;
  return { prepared, ...(probe === undefined ? {} : { probe }) };
}

/**
 * Everything that can go wrong while all still serves: the snapshot on every member, restored beside its data and compared,
 * and an etcd of its own that serves it. With `snapshot`: what is there now is saved first.
 */
export function prepareRestore(file: RestoreFile, snapshot: EtcdObservation | undefined): Task {
  return defineTask('prepare', (ctx) => {
    const dataDir = dataDirOf(ctx);
    const members = etcdMembers(ctx);
    const hosts = members.map(({ name }) => name);
    const g = draft<StepContext>('prepare');
    const room = g.addEach('room', file.size === undefined ? [] : hosts, (host) =>
      // The first one also tries it.
      requireRestoreRoom({ dataDir, bytes: file.size ?? 0, copies: host === hosts[0] ? 2 : 1 }),
    );
    const known = g.add('checksum', [CONTROL_NODE], fileChecksum({ path: file.path, sha256: file.sha256 }), {
      after: room,
    });
    const saved =
      snapshot === undefined
        ? known
        : g.include(snapshotFirst(ctx, snapshot, file.name === undefined ? {} : { spare: file.name }), {
            after: known,
          });
    const uploaded = g.add(
      'upload',
      hosts,
      uploadFile({ source: file.path, target: etcdRestorePaths.snapshot, sha256: file.sha256, mode: 0o600 }),
      { after: saved },
    );
    const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
    const restored = g.addEach(
      'restore-beside',
      hosts,
      (host) => {
        const member = members.find(({ name }) => name === host);
        if (!member) throw new KubexmError('INTERNAL', `${host} is no etcd member`);
        return prepareEtcdRestore({
          dataDir,
          endpoint: member.clientUrl,
          id: file.id,
          sha256: file.sha256,
          name: member.name,
          peerUrl: member.peerUrl,
          members: initialCluster,
          // With the old one, members that were left behind could mistake the new cluster for theirs.
          token: `${ctx.cluster.metadata.name}-restored-${file.id}`,
          bump: file.bump,
        });
      },
      { after: sameHost(uploaded) },
    );
    g.add('try', hosts.slice(0, 1), probeEtcdSnapshot({ dataDir, sha256: file.sha256 }), { after: sameHost(restored) });
    return g.done();
  });
}

/** Stops, moves, starts, brings back, proves. Whatever is done already is left out, or finds itself done. */
export function restoreEtcd(file: RestoreFile, seen: RestoreObservation, { probe }: RestoreInspection): Task {
  return defineTask('restore', (ctx) => {
    const dataDir = dataDirOf(ctx);
    const members = etcdMembers(ctx);
    const endpoints = new Map(members.map(({ name, clientUrl }) => [name, clientUrl]));
    const hosts = members.map(({ name }) => name);
    const controlPlanes = hostsWithRole(ctx, 'control-plane');
    const all = [...new Set([...controlPlanes, ...hosts])];
    const marker: RestoreMarker = { id: file.id, sha256: file.sha256, file: file.path };
    const old = membersToMove(seen, hosts, file.id);
    const g = draft<StepContext>('restore');

    let moved: Ref[] = [];
    if (old.length > 0) {
      const content = `${JSON.stringify(marker)}\n`;
      const marked = g.add('mark', all, writeFile({ content, target: etcdRestorePaths.marker, mode: 0o600 }));
      const parked = g.add('stop-apiservers', controlPlanes, parkStaticPods({ components: [apiserver, ...clients] }), {
        after: marked,
      });
      const stopped = g.add('stop-etcd', old, stopService({ service }), { after: parked });
      moved = [
        g.addEach(
          'move-data',
          old,
          (host) => swapEtcdData({ dataDir, endpoint: endpoints.get(host) ?? '', id: file.id }),
          { after: stopped },
        ),
      ];
    }
    const started = g.add('start-etcd', hosts, startService({ service }), { after: moved });
    const healthy = g.add(
      'check-etcd',
      hosts.slice(0, 1),
      checkEtcdHealth({
        endpoints: members.map(({ clientUrl }) => clientUrl),
        members: members.map(({ name, peerUrl }) => ({ name, peerUrl })),
        waitMs: 180_000,
      }),
      { after: started },
    );
    // Alarms lie in the snapshot too, of members that this etcd does not have.
    const disarmed = g.add(
      'forget-alarms',
      hosts.slice(0, 1),
      forgetEtcdAlarms({ endpoints: members.map(({ clientUrl }) => clientUrl) }),
      { after: healthy },
    );
    // An apiserver that is back already writes: then the keys are no longer those of the snapshot.
    const nobodyWrites = old.length > 0 || seen.controlPlanes.every(({ parked }) => parked);
    const counted = g.add(
      'count-keys',
      nobodyWrites && probe ? hosts.slice(0, 1) : [],
      checkRestoredKeys({ endpoint: members[0]?.clientUrl ?? '', keys: probe?.keys ?? 0 }),
      { after: disarmed },
    );
    // All at once: a kubelet whose apiserver comes up while other manifests are away deletes those pods from the API, and
    // takes minutes to show them again.
    const back = g.addEach(
      'start-control-planes',
      controlPlanes,
      (host) =>
        unparkStaticPods({
          components: [apiserver, ...clients],
          server: apiserverUrl(ctx, host),
        }),
      { after: counted },
    );
    const [speaker] = [initHost(ctx)];
    const nodes = nodeHosts(ctx).filter((host) => ctx.facts.has(host));
    // A kubelet registers its node when it starts, and never again.
    const unknown = nodes.filter((name) => probe !== undefined && !probe.nodes.includes(name));
    const registered = g.add(
      'register',
      unknown,
      command({ command: 'systemctl restart kubelet', title: 'Register the node, which the snapshot does not know' }),
      {
        after: back,
      },
    );
    const heard = g.add('verify', [speaker], verifyRestored({ namespaces: probe?.namespaces ?? [], nodes }), {
      after: registered,
    });
    const verified = g.add(
      'verify-nodes',
      [speaker],
      verifyCluster({ nodes, namespaces: ['kube-system'], nodesReady: ctx.cluster.spec.network.plugin !== 'none' }),
      { after: heard },
    );
    g.add(
      'finish',
      all,
      finishEtcdRestore({
        dataDir,
        paths: [etcdRestorePaths.marker, etcdRestorePaths.snapshot, `${dataDir}.restore`, `${dataDir}/restore`],
      }),
      { after: verified },
    );
    return g.done();
  });
}

/** Members that do not have the restored data in its place. */
export function membersToMove(
  { members }: RestoreObservation,
  hosts: readonly HostName[],
  id: string,
): readonly HostName[] {
  return hosts.filter((host) => {
    const report = members.find((each) => each.host === host)?.report;
    const stage = report === undefined ? 'untouched' : restoreStage(report, id);
    return stage !== 'placed' && stage !== 'finished';
  });
}

function dataDirOf({ cluster }: PlanContext): string {
  const { etcd } = cluster.spec;
  if (etcd.type === 'kubexm') {
    refuseOwnLog(etcd);
    return etcd.dataDir;
  }
  throw new KubexmError('GUARD_REFUSED', 'the etcd of this cluster is external: kubexm does not restore it', {
    hint: `${hostPaths.bin}/etcdutl snapshot restore on its hosts, while the apiservers are stopped`,
    retryable: false,
  });
}

/** The old log, left where it is, would be played onto the restored data. */
function refuseOwnLog(etcd: ManagedEtcd): void {
  const { walDir } = etcdDirs(etcd);
  if (walDir === undefined) return;
  throw new KubexmError('GUARD_REFUSED', `etcd keeps its log in ${walDir}: a restore moves ${etcd.dataDir} alone`, {
    hint: 'restore by hand, with the apiservers and etcd stopped: etcdutl snapshot restore --data-dir … --wal-dir … on every member',
    retryable: false,
  });
}
