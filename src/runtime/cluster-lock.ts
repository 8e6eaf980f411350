import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError } from '../errors/index.js';
import { type HostRunner, sh } from '../runner/index.js';

/** Who changes the cluster, as the hosts tell others. */
interface Holder {
  readonly operation: string;
  readonly user: string;
  /** The control machine. */
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
}

export interface ClusterLock {
  /** Aborted when somebody else has taken the lock in the middle of the run; the reason is what to tell the user. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

interface ClusterLockOptions {
  /** Those that speak for the cluster and answer: control planes and etcd members. */
  readonly hosts: readonly HostRunner[];
  /** `etcd backup`, as the user called it. */
  readonly operation: string;
  /** Ends the session of whoever holds it. */
  readonly breakLock: boolean;
  onNotice(line: string): void;
  /** On the hosts; a tmpfs, so that nothing is held after a boot. Default `/run/kubexm`. */
  readonly directory?: string;
}

/**
 * One operation at a time on a cluster, whatever machine it comes from. Each host has the lock held by a process of this
 * run's SSH session, with flock(1) on a tmpfs: it falls by itself within two seconds when kubexm is killed or the connection
 * ends, and with a reboot. Throws LOCKED with the holder's name.
 */
export async function lockCluster({
  hosts,
  operation,
  breakLock,
  onNotice,
  directory = '/run/kubexm',
}: ClusterLockOptions): Promise<ClusterLock> {
  const own: Holder = {
    operation,
    user: userInfo().username,
    host: hostname(),
    pid: process.pid,
    since: new Date().toISOString(),
  };
  const lost = new AbortController();
  const ended = new AbortController();
  const held: HeldLock[] = [];
  const release = async (): Promise<void> => {
    ended.abort();
    await Promise.allSettled(held.map((lock) => lock.release()));
  };
  const hold = async (host: HostRunner, { force = false } = {}): Promise<void> => {
    const lock = await holdOn(host, { own, breakLock: force, directory });
    held.push(lock);
    void watch(lock);
  };
  const watch = async (lock: HeldLock): Promise<void> => {
    const how = await lock.ended;
    if (ended.signal.aborted) return;
    held.splice(held.indexOf(lock), 1);
    try {
      if (how === 'killed') throw broken(lock.host.name);
      await retake(lock.host, ended.signal, hold);
    } catch (error) {
      // Whoever breaks it does so on every host: told of once.
      if (ended.signal.aborted || lost.signal.aborted) return;
      lost.abort(error);
      onNotice(error instanceof KubexmError ? error.message : String(error));
    }
  };
  try {
    // The first one decides between two that come at the same time: so each host is not held by another of them.
    const [first, ...others] = [...hosts].sort((a, b) => a.name.localeCompare(b.name, 'en'));
    if (first) await hold(first, { force: breakLock });
    await Promise.all(others.map((host) => hold(host, { force: breakLock })));
  } catch (error) {
    await release();
    throw error;
  }
  return { lost: lost.signal, release };
}

interface Wanted {
  readonly own: Holder;
  readonly breakLock: boolean;
  readonly directory: string;
}

interface HeldLock {
  readonly host: HostRunner;
  /** `killed`: by somebody on the host; `disconnected`: the session broke. */
  readonly ended: Promise<'killed' | 'disconnected'>;
  release(): Promise<void>;
}

/** A broken session gives up its lock on the host, so it may be had again, unless another run has come first. */
async function retake(host: HostRunner, ended: AbortSignal, hold: (host: HostRunner) => Promise<void>): Promise<void> {
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 15_000)) {
    await sleep(waitMs, undefined, { signal: ended });
    try {
      return await hold(host);
    } catch (error) {
      // A host that is down cannot be locked by others either.
      if (error instanceof KubexmError && error.code === 'LOCKED') throw error;
    }
  }
}

async function holdOn(host: HostRunner, wanted: Wanted): Promise<HeldLock> {
  let pid: string | undefined;
  let holder: string | undefined;
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const session = host.tryRun(lockCommand(wanted), {
    long: true,
    onLine(line, stream) {
      if (stream !== 'stdout') return;
      const [word, rest = ''] = split(line);
      if (word === 'locked') pid = rest;
      if (word === 'held') holder = rest;
      if (word !== '') answer();
    },
  });
  const result = session.then(
    ({ stderr }) => ({ how: 'killed' as const, because: stderr.trim() }),
    (error: unknown) => ({ how: 'disconnected' as const, because: error }),
  );
  const early = await Promise.race([answered, result]);
  if (holder !== undefined) throw lockedBy(holder, host.name);
  if (pid === undefined) {
    if (early && early.how === 'disconnected') throw early.because;
    throw new KubexmError('COMMAND_FAILED', `${host.name}: the lock of the cluster cannot be taken`, {
      details: early ? [early.because] : [],
      hint: `on ${host.name}: command -v flock; ls -ld /run/kubexm`,
    });
  }
  const holderPid = pid;
  return {
    host,
    ended: result.then(({ how }) => how),
    async release() {
      await host.tryRun(sh`kill ${holderPid}`);
    },
  };
}

/** It says `locked PID` and lives on, or `held OWNER` and ends. What is killed with its session takes up to a second to go, behind sudo up to two: it notices when it writes. */
function lockCommand({ own, breakLock, directory }: Wanted) {
  return sh`d=${directory}; mkdir -p "$d" || exit 1
command -v flock >/dev/null || { echo 'flock is not installed' >&2; exit 1; }
exec 9>>"$d/run.lock"
tries=0
until flock -n 9; do
  if [ ${breakLock ? 'yes' : 'no'} = yes ] && [ "$tries" = 0 ]; then
    # Only the process that wrote it, by when it began: the number may be that of a holder before, and somebody else's by now.
    read -r pid since <"$d/run.lock.pid"
    if [ "$(awk '{ print $22 }' "/proc/$pid/stat")" = "$since" ]; then kill -9 "$pid"; fi
  fi
  tries=$((tries + 1))
  if [ "$tries" -gt 35 ]; then printf 'held %s\n' "$(cat "$d/run.lock.owner")"; exit 0; fi
  sleep 0.1 9>&-
done
printf %s ${JSON.stringify(own)} >"$d/run.lock.owner"
echo "$$ $(awk '{ print $22 }' /proc/$$/stat)" >"$d/run.lock.pid"
echo "locked $$"
while sleep 1 9>&-; do echo; done`;
}

function split(line: string): [string, string?] {
  const at = line.indexOf(' ');
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1)];
}

function lockedBy(text: string, on: string): KubexmError {
  const hint =
    'wait until it has ended. Only if it is hung for certain: the same command with --break-lock, which ends its session; two runs at once can cost etcd its quorum';
  try {
    const { operation, user, host, pid, since } = JSON.parse(text) as Holder;
    return new KubexmError(
      'LOCKED',
      `another kubexm is at work on this cluster: \`kubexm ${operation}\` of ${user} on ${host} (pid ${pid}), since ${since}`,
      { details: [`seen on ${on}`], hint, retryable: false },
    );
  } catch {
    return new KubexmError('LOCKED', `another kubexm is at work on this cluster: the lock on ${on} is held`, {
      hint,
      retryable: false,
    });
  }
}

function broken(host: string): KubexmError {
  return new KubexmError('LOCKED', `the lock of this run was broken on ${host}: nothing new is started`, {
    hint: 'another run is at work now; wait until it has ended, then run the same command again',
    retryable: false,
  });
}
