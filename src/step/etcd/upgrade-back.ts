import { setTimeout as sleep } from 'node:timers/promises';
import { etcdPrograms } from '../../common/etcd-programs.js';
import { asError, KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { startService, stopService } from '../systemd/service.js';
import { journalLines } from '../systemd/unit.js';
import { endpointStatuses, parsed } from './endpoint-status.js';
import { checkEtcdHealth } from './health.js';
import { type EtcdPeer, endpointsOf } from './leader.js';
import { placePrograms, removeMark } from './upgrade-programs.js';

/** etcd's leader looks at the members' versions, and each member at its storage, every 5 s: both have happened after this. */
const versionsSettledMs = 12_000;

interface WayBack {
  readonly service: string;
  readonly inputs: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly own: EtcdPeer;
  readonly others: readonly EtcdPeer[];
  readonly dataDir: string;
  readonly cause: unknown;
}

/** What members tell of their versions, without v; empty where one does not answer. `storage`: of its data, told since 3.6. */
export interface ToldVersions {
  readonly version: string;
  readonly storage?: string | undefined;
}

/**
 * Whether the old program may read the data again. Within a minor always. Across minors as long as the cluster's version was
 * not raised: the leader does so when every member runs the new minor, and only then is new data written
 * (https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/, and server/etcdserver/version/monitor.go of its source). So one other member of the
 * old minor proves that it was not. When all others are new already, their storage says it, once the failed one is down and
 * the versions have settled. `disk`: storage version of the member's own data, empty before 3.6; undefined where it could not be
 * read. Seen: 3.5.35 reads what 3.6.14 left before the cluster's version was raised, and refuses to start on it afterwards.
 */
export function mayGoBack({
  from,
  to,
  others,
  disk,
}: {
  readonly from: string;
  readonly to: string;
  readonly others: readonly ToldVersions[];
  readonly disk: string | undefined;
}): boolean {
  if (minorOf(from) === minorOf(to)) return true;
  if (disk !== undefined && minorOf(disk) === minorOf(to)) return false;
  if (others.some(({ version }) => minorOf(version) === minorOf(from))) return true;
  if (others.length === 0) return disk !== undefined;
  return others.every(({ storage }) => storage !== undefined && minorOf(storage) === minorOf(from));
}

/** Puts the old programs back where that is safe, and says what has become of the member either way. */
export async function goBack(ctx: StepContext, p: WayBack): Promise<KubexmError> {
  const { host } = ctx;
  const why = asError(p.cause);
  const said = why instanceof KubexmError ? why.details : [];
  // A start that failed has told what etcd wrote already.
  const details = [...new Set([why.message, ...said, ...(await journalLines(ctx, p.service)).slice(-5)])];
  ctx.log('warn', `${p.own.name} did not come back with ${p.to}: ${why.message}`);
  await stopService({ service: p.service }).run(ctx, undefined);
  if (!mayGoBack(await versionsNow(ctx, p))) return await stayed(ctx, p, { why, details });
  try {
    await placePrograms(ctx, { from: etcdPrograms.previous });
    await startService({ service: p.service, inputs: p.inputs }).run(ctx, undefined);
    await checkEtcdHealth({ endpoints: endpointsOf([p.own, ...p.others]), waitMs: 60_000 }).run(ctx, undefined);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return await stayed(ctx, p, {
      why,
      details: [...details, `and not with ${p.from} either: ${asError(error).message}`],
    });
  }
  await removeMark(ctx);
  return new KubexmError(
    'COMMAND_FAILED',
    `${p.own.name} did not come back with etcd ${p.to}; it runs ${p.from} again`,
    {
      details,
      hint: `mend what etcd complains of (journalctl -u ${p.service} on ${host.name}), then run the same command again: it goes on with ${p.own.name}`,
      retryable: false,
      cause: why,
    },
  );
}

/** The new programs stay in place, and the mark: whoever runs the command again goes on from here. */
async function stayed(
  ctx: StepContext,
  p: WayBack,
  { why, details }: { readonly why: Error; readonly details: readonly string[] },
): Promise<KubexmError> {
  await stopService({ service: p.service }).run(ctx, undefined);
  await placePrograms(ctx, { from: etcdPrograms.staged(p.to) });
  await startService({ service: p.service, inputs: p.inputs })
    .run(ctx, undefined)
    .catch(() => undefined);
  return new KubexmError('COMMAND_FAILED', `${p.own.name} did not come back with etcd ${p.to}`, {
    details: [
      ...details,
      `${p.to} stays in place: the cluster's version may have been raised, and ${p.from} does not start on its data then`,
    ],
    hint: `mend what etcd complains of (journalctl -u ${p.service} on ${ctx.host.name}), then run the same command again`,
    retryable: false,
    cause: why,
  });
}

async function versionsNow(ctx: StepContext, p: WayBack): Promise<Parameters<typeof mayGoBack>[0]> {
  const { host, signal } = ctx;
  const told = async (): Promise<ToldVersions[]> => {
    if (p.others.length === 0) return [];
    const statuses = await endpointStatuses(ctx, endpointsOf(p.others));
    return p.others.map(({ endpoint }) => {
      const { version = '', storageVersion } = statuses.get(endpoint) ?? {};
      return { version, storage: storageVersion };
    });
  };
  let others = await told();
  if (p.others.length > 0 && others.every(({ version }) => minorOf(version) === minorOf(p.to))) {
    await sleep(versionsSettledMs, undefined, { signal });
    others = await told();
  }
  const { stdout } = await host.tryRun(
    sh`${etcdPrograms.staged(p.to)}/etcdutl snapshot status ${p.dataDir}/member/snap/db -w json`,
    { signal, long: true },
  );
  return { from: p.from, to: p.to, others, disk: parsed<{ version?: string }>(stdout)?.version };
}

/** `3.6` of v3.6.14 or 3.6.14. */
function minorOf(version: string): string {
  return /^v?(\d+\.\d+)\./.exec(version)?.[1] ?? version;
}
