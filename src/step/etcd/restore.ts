import { type RestoreReport, restoreStage } from '../../common/etcd-restore.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { etcdctl } from './etcdctl.js';
import { etcdHostLock } from './host-lock.js';

/** Names of the log events that carry what was found. */
export const restoreReports = {
  state: 'etcd:restore-state',
  marker: 'etcd:restore-marker',
  prepared: 'etcd:restore-prepared',
  probe: 'etcd:restore-probe',
} as const;

/** One host of a restore. `endpoint`: of its own member. */
export interface RestoreHost {
  readonly dataDir: string;
  readonly endpoint: string;
}

/** `id`: the restore's; `members`: etcd's initial-cluster; `bump`: added to the snapshot's revision. */
export interface PrepareEtcdRestore extends RestoreHost {
  readonly id: string;
  readonly sha256: string;
  readonly name: string;
  readonly peerUrl: string;
  readonly members: string;
  readonly token: string;
  readonly bump: number;
}

/** What a trial etcd on the snapshot shows of it. */
export interface SnapshotProbe {
  /** Keys below /registry/, without those that end by themselves. */
  readonly keys: number;
  /** Empty: it could not be read. */
  readonly kubeSystemUid: string;
  /** `clusterName` of kubeadm's configuration; empty: it could not be read. */
  readonly cluster: string;
  readonly namespaces: readonly string[];
  readonly nodes: readonly string[];
}

const policy = { timeoutMs: 3_600_000 };

/** Reads how far a restore is on an etcd host, and of which cluster the member's data is. */
export const readRestoreState = defineStep<RestoreHost>({
  kind: 'etcd.restore-read',
  title: () => 'Look for a restore that is half done',
  recheck: false,
  async precheck(ctx, p) {
    ctx.log('debug', restoreReports.state, (await look(ctx, p)) as unknown as Json);
    return satisfied('the host was asked');
  },
  run: () => Promise.resolve(),
});

/** Restores the uploaded snapshot beside the data of a member, which goes on serving, and proves what came of it. */
export const prepareEtcdRestore = defineStep<PrepareEtcdRestore>({
  kind: 'etcd.restore-prepare',
  title: (p) => `Restore the snapshot beside ${p.dataDir}`,
  policy,
  async precheck(ctx, p) {
    const report = await look(ctx, p);
    const stage = restoreStage(report, p.id);
    const { prepared } = report;
    if (stage === 'finished') return satisfied('this restore is over here');
    if (stage === 'moving' || stage === 'placed') {
      reportPrepared(ctx, report);
      return satisfied('its data is of this restore already');
    }
    if (stage === 'untouched' || prepared === null) return needed('it is not restored yet');
    if (prepared.sha256 !== p.sha256 || prepared.members !== p.members || prepared.bump !== p.bump)
      return needed('what is restored there is of another snapshot or of other members');
    reportPrepared(ctx, report);
    return satisfied(`restored from revision ${prepared.revision}`);
  },
  run: (ctx, p) =>
    part(
      ctx,
      sh`env KUBEXM_DATA=${p.dataDir} KUBEXM_ID=${p.id} KUBEXM_SHA256=${p.sha256} KUBEXM_NAME=${p.name} KUBEXM_PEER=${p.peerUrl} KUBEXM_MEMBERS=${p.members} KUBEXM_TOKEN=${p.token} KUBEXM_BUMP=${p.bump} sh -s prepare`,
    ).then(() => undefined),
});

/** Starts an etcd on a copy of the snapshot that nobody else can reach, and asks it whose data it has. */
export const probeEtcdSnapshot = defineStep<{ readonly dataDir: string; readonly sha256: string }>({
  kind: 'etcd.restore-probe',
  title: () => 'Try the snapshot with an etcd of its own',
  policy,
  recheck: false,
  precheck: () => Promise.resolve(needed('only an etcd that serves it proves a snapshot')),
  async run(ctx, p) {
    const answer = await part(ctx, sh`env KUBEXM_DATA=${p.dataDir} KUBEXM_SHA256=${p.sha256} sh -s probe`);
    ctx.log('debug', restoreReports.probe, parsed(ctx, answer));
  },
});

/** Moves the data of a member that is stopped aside, and the restored data in its place. */
export const swapEtcdData = defineStep<RestoreHost & { readonly id: string }>({
  kind: 'etcd.restore-swap',
  title: (p) => `Put the restored data in the place of ${p.dataDir}`,
  async precheck(ctx, p) {
    const stage = restoreStage(await look(ctx, p), p.id);
    if (stage === 'placed' || stage === 'finished') return satisfied('the restored data is in its place');
    return needed(stage === 'moving' ? 'it was begun' : 'the data is the old');
  },
  async run(ctx, p) {
    await part(ctx, sh`env KUBEXM_DATA=${p.dataDir} KUBEXM_ID=${p.id} sh -s swap`);
  },
});

/** `keys`: how many there must be below /registry/, without those that end by themselves. Only while nobody writes. */
export const checkRestoredKeys = defineStep<{ readonly endpoint: string; readonly keys: number }>({
  kind: 'etcd.restore-keys',
  title: (p) => `Check that etcd has the ${p.keys} keys of the snapshot`,
  async precheck({ host, signal }, p) {
    const count = async (prefix: string): Promise<number> => {
      const command = etcdctl([p.endpoint], ['get', '--prefix', prefix, '--count-only', '-w', 'fields']);
      const { stdout } = await host.run(command, { signal });
      const found = /"Count" : (\d+)/.exec(stdout)?.[1];
      if (found !== undefined) return Number(found);
      throw new KubexmError('COMMAND_FAILED', `${host.name}: etcd does not say how many keys ${prefix} has`, {
        details: [stdout.slice(0, 300)],
      });
    };
    const found =
      (await count('/registry/')) - (await count('/registry/events/')) - (await count('/registry/masterleases/'));
    if (found === p.keys) return satisfied('it has all of them');
    throw new KubexmError('STEP_NOT_EFFECTIVE', `${host.name}: etcd has ${found} keys, the snapshot has ${p.keys}`, {
      hint: 'the apiservers are still away, and the old data lies beside the new: see docs/etcd.md',
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});

/** Removes from a host what only the restore needed; last its marker. The old data stays. */
export const finishEtcdRestore = defineStep<{ readonly dataDir: string; readonly paths: readonly string[] }>({
  kind: 'etcd.restore-finish',
  title: () => 'Forget the restore',
  async precheck({ host, signal }, p) {
    const found = await host.statMany(p.paths, { signal });
    return found.size === 0 ? satisfied('nothing of it is left') : needed(`${[...found.keys()].join(', ')} is there`);
  },
  async run(ctx, p) {
    await part(ctx, sh`env KUBEXM_DATA=${p.dataDir} sh -s finish`);
  },
});

async function look(ctx: StepContext, { dataDir, endpoint }: RestoreHost): Promise<RestoreReport> {
  const answer = await part(ctx, sh`env KUBEXM_DATA=${dataDir} KUBEXM_ENDPOINT=${endpoint} sh -s look`);
  return parsed(ctx, answer) as unknown as RestoreReport;
}

function reportPrepared(ctx: StepContext, report: RestoreReport): void {
  ctx.log('debug', restoreReports.prepared, report.prepared as unknown as Json);
}

/** Runs a part of the script of templates/ under the lock of the host; its last line of stdout. */
async function part(ctx: StepContext, command: ReturnType<typeof sh>): Promise<string> {
  const stdin = `${etcdHostLock.text}\n${await ctx.template('etcd/restore.sh')}`;
  const { stdout } = await ctx.host.run(command, { stdin, signal: ctx.signal, long: true });
  return stdout.trim().split('\n').at(-1) ?? '';
}

function parsed({ host }: StepContext, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new KubexmError('COMMAND_FAILED', `${host.name}: the restore script answered no JSON`, {
      cause,
      details: [text.slice(0, 300)],
    });
  }
}
