import type { StepContext } from '../context.js';
import { etcdctl, hexId, quoteIds } from './etcdctl.js';

/** What the member behind an endpoint says of itself. Sizes in bytes. */
export interface EtcdEndpointStatus {
  /** Hexadecimal, as in the member list. */
  readonly memberId: string;
  readonly clusterId: string;
  /** `0`: it knows of none. */
  readonly leaderId: string;
  readonly isLearner: boolean;
  readonly version: string;
  /** Of the data on its disk; etcd says so since 3.6. */
  readonly storageVersion?: string;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  /** etcd says so since 3.6. */
  readonly quotaBytes?: number;
  readonly errors: readonly string[];
}

/** Asks each endpoint for its status; those that do not answer are missing from the map. */
export async function endpointStatuses(
  { host, signal }: StepContext,
  endpoints: readonly string[],
): Promise<ReadonlyMap<string, EtcdEndpointStatus>> {
  // The exit code is 1 where only some answer, and what they said is printed all the same.
  const { stdout } = await host.tryRun(
    etcdctl(endpoints, ['endpoint', 'status', '-w', 'json'], { timeoutSeconds: 4 }),
    {
      signal,
    },
  );
  return parseEndpointStatuses(stdout);
}

/** Parses `etcdctl endpoint status -w json`, by endpoint. What is no JSON names no endpoint. */
export function parseEndpointStatuses(text: string): ReadonlyMap<string, EtcdEndpointStatus> {
  const list = parsed<RawStatus[] | null>(text) ?? [];
  return new Map(list.map(({ Endpoint, Status }) => [Endpoint, endpointStatus(Status)]));
}

interface RawStatus {
  readonly Endpoint: string;
  readonly Status: {
    readonly header: { readonly cluster_id?: string; readonly member_id?: string; readonly revision?: number };
    readonly version?: string;
    readonly storageVersion?: string;
    readonly dbSize?: number;
    readonly dbSizeInUse?: number;
    readonly dbSizeQuota?: number;
    readonly leader?: string;
    readonly raftIndex?: number;
    readonly raftTerm?: number;
    readonly raftAppliedIndex?: number;
    readonly isLearner?: boolean;
    readonly errors?: readonly string[];
  };
}

function endpointStatus({ header, ...status }: RawStatus['Status']): EtcdEndpointStatus {
  return {
    memberId: hexId(header.member_id),
    clusterId: hexId(header.cluster_id),
    leaderId: hexId(status.leader),
    isLearner: status.isLearner ?? false,
    version: status.version ?? '',
    ...(status.storageVersion === undefined ? {} : { storageVersion: status.storageVersion }),
    raftTerm: status.raftTerm ?? 0,
    raftIndex: status.raftIndex ?? 0,
    raftAppliedIndex: status.raftAppliedIndex ?? 0,
    revision: header.revision ?? 0,
    dbSizeBytes: status.dbSize ?? 0,
    dbSizeInUseBytes: status.dbSizeInUse ?? 0,
    ...(status.dbSizeQuota === undefined ? {} : { quotaBytes: status.dbSizeQuota }),
    errors: status.errors ?? [],
  };
}

/** Of etcdctl's output, with ids as strings; undefined where it is no JSON. The caller names the shape. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(quoteIds(text)) as T;
  } catch {
    return undefined;
  }
}
