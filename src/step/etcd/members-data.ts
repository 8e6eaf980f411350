import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { etcdHostLock } from './host-lock.js';

/** Where a member keeps what it knows. `walDir`: of the write-ahead log; default `member/wal` of the data directory. */
export interface EtcdDataDir {
  readonly dataDir: string;
  readonly walDir?: string;
}

/** Whose data these are. Hexadecimal, as in the member list. */
interface EtcdDataOwner {
  readonly memberId: string;
  readonly clusterId: string;
}

/**
 * Which member the data on this host belong to: each file of the write-ahead log begins with that. Undefined where etcd
 * would find no data either. Throws where there is a log that does not tell.
 */
export async function etcdDataOwner(
  { host, signal }: StepContext,
  { dataDir, walDir = `${dataDir}/member/wal` }: EtcdDataDir,
): Promise<EtcdDataOwner | undefined> {
  const { stdout } = await host.run(
    sh`f=$(ls ${walDir} 2>/dev/null | grep '\.wal$' | tail -n 1); [ -z "$f" ] || head -c 1024 ${walDir}/"$f" | od -An -v -tx1`,
    { signal },
  );
  if (stdout.trim() === '') return undefined;
  const owner = ownerIn(Buffer.from(stdout.replaceAll(/\s/g, ''), 'hex'));
  if (owner) return owner;
  throw new KubexmError(
    'COMMAND_FAILED',
    `${host.name}: the log in ${walDir} does not say which member it belongs to`,
    {
      hint: `look what is in ${walDir} on ${host.name}; move it away if it is none of etcd's`,
      retryable: false,
    },
  );
}

/**
 * Renames the data, so that etcd starts without any; returns where they are now. Nothing is deleted. What was killed between
 * the data and a log of its own directory has left only that.
 */
export async function moveEtcdDataAside(
  { host, signal }: StepContext,
  { dataDir, walDir }: EtcdDataDir,
  because: 'removed' | 'stale',
): Promise<string> {
  // A mount point cannot be renamed, and behind a link the data would come to lie on another disk.
  const { stdout } = await host.run(
    sh`${etcdHostLock}
set -e
now=$(date -u +%Y%m%dT%H%M%SZ)
if mountpoint -q ${dataDir} || [ -L ${dataDir} ]; then
  to=${dataDir}/${because}-$now; mkdir -m 700 "$to"; [ ! -e ${dataDir}/member ] || mv ${dataDir}/member "$to"/
else
  to=${dataDir}.${because}-$now; [ ! -e ${dataDir} ] || mv ${dataDir} "$to"
fi
[ -z ${walDir ?? ''} ] || [ ! -e ${walDir ?? ''} ] || mv ${walDir ?? ''} ${walDir ?? ''}.${because}-$now
echo "$to"`,
    { signal },
  );
  return stdout.trim();
}

/**
 * Records of a log file: the length (its lowest 56 bits) in eight bytes, little-endian, with the padding's in the highest byte, then
 * the record. https://github.com/etcd-io/etcd/blob/main/server/storage/wal/decoder.go
 */
function ownerIn(file: Buffer): EtcdDataOwner | undefined {
  for (let at = 0; at + 8 <= file.length; ) {
    const field = file.readBigUInt64LE(at);
    const bytes = Number(field & 0xff_ffff_ffff_ffffn);
    const padding = field >> 63n === 1n ? Number((field >> 56n) & 7n) : 0;
    if (bytes === 0) return undefined;
    const record = fieldsOf(file.subarray(at + 8, at + 8 + bytes));
    const metadata = record.get(3);
    // https://github.com/etcd-io/etcd/blob/main/server/storage/wal/walpb/record.proto: type 1 is the metadata.
    if (record.get(1) === 1n && metadata instanceof Uint8Array) {
      const fields = fieldsOf(metadata);
      const [memberId, clusterId] = [fields.get(1), fields.get(2)];
      if (typeof memberId !== 'bigint' || typeof clusterId !== 'bigint') return undefined;
      return { memberId: memberId.toString(16), clusterId: clusterId.toString(16) };
    }
    at += 8 + bytes + padding;
  }
  return undefined;
}

/** The numbers and byte strings of a protobuf message, by their field numbers; as far as it goes. */
function fieldsOf(message: Uint8Array): ReadonlyMap<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < message.length; shift += 7n) {
      const byte = BigInt(message[at] ?? 0);
      at += 1;
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) break;
    }
    return BigInt.asUintN(64, value);
  };
  while (at < message.length) {
    const key = Number(varint());
    const [number, type] = [key >> 3, key & 7];
    if (type === 0) fields.set(number, varint());
    else if (type === 2) {
      const length = Number(varint());
      fields.set(number, message.subarray(at, at + length));
      at += length;
    } else break;
  }
  return fields;
}
