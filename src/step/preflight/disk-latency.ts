import { posix } from 'node:path';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';

/** `directory`: where etcd's data will be; it need not exist. */
export interface CheckDiskLatency {
  readonly directory: string;
}

/** What etcd asks of a disk: https://etcd.io/docs/latest/op-guide/hardware/#disks */
const wantedMs = 10;
/** Enough for a 99th percentile that is not simply the slowest write. */
const writes = 120;
const fewest = 20;

/**
 * Measures how long synced writes of the size of etcd's take, and warns of a disk that is too slow. At most 2 seconds; it never
 * fails, and it leaves a directory alone that holds data of etcd: there, etcd's own metrics tell better.
 */
export const checkDiskLatency = defineStep<CheckDiskLatency>({
  kind: 'preflight.disk-latency',
  title: () => 'Measure the disk for etcd',
  recheck: false,
  async precheck({ host, signal, log }, { directory }) {
    const data = posix.join(directory, 'member');
    // dd tells its own time, so the start of a process does not count.
    const { stdout } = await host.tryRun(
      sh`[ ! -e ${data} ] || exit 0
d=${directory}; while [ ! -d "$d" ]; do d=$(dirname -- "$d"); done
f=$(mktemp "$d/.kubexm-disk-XXXXXX") || exit 0
trap 'rm -f -- "$f"' EXIT
timeout 2 sh -c 'i=0; while [ "$i" -lt "$2" ]; do dd if=/dev/zero of="$1" bs=2300 count=1 seek="$i" conv=notrunc oflag=dsync 2>&1 | tail -n 1; i=$((i + 1)); done' sh "$f" ${writes}; :`,
      { signal },
    );
    const took = [...stdout.matchAll(/copied, ([\d.e+-]+) s\b/g)].map(([, seconds]) => Number(seconds) * 1000);
    if (took.length === 0) return satisfied('there is nothing to measure');
    const p99 = percentile99(took);
    // A disk that does not get as far within 2 seconds needs more than 10 ms for each write.
    if (took.length >= fewest && p99 <= wantedMs) return satisfied(`${p99.toFixed(1)} ms for a synced write (p99)`);
    log(
      'warn',
      `the disk of ${directory} needs ${p99.toFixed(0)} ms for a synced write (p99 of ${took.length}), etcd wants ${wantedMs} ms; give etcd a faster disk, or one of its own`,
    );
    return satisfied(`the disk is slow: ${p99.toFixed(0)} ms for a synced write (p99)`);
  },
  run: () => Promise.resolve(),
});

function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}
