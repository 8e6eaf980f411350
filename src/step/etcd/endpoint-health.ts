import { parsed } from './endpoint-status.js';

/** What `etcdctl endpoint health` found out about one endpoint. */
interface EtcdEndpointHealth {
  /** It commits a proposal: it has a leader and a quorum behind it. An alarm changes nothing about that. */
  readonly healthy: boolean;
  /** Kinds of the alarms that are raised, whoever raised them: `NOSPACE`, `CORRUPT`. */
  readonly alarms: readonly string[];
  /** Why it is not healthy. */
  readonly error?: string;
  readonly latencyMs?: number;
}

/**
 * Parses `etcdctl endpoint health -w json`, by endpoint; undefined where it is no JSON. etcdctl calls an endpoint not healthy
 * also when all it found is an alarm, which it asks for only after a read through the leader has succeeded:
 * https://github.com/etcd-io/etcd/blob/main/etcdctl/ctlv3/command/ep_command.go
 */
export function parseEndpointHealths(text: string): ReadonlyMap<string, EtcdEndpointHealth> | undefined {
  const list = parsed<RawHealth[]>(text);
  if (!Array.isArray(list)) return undefined;
  return new Map(list.map((raw) => [raw.endpoint, endpointHealth(raw)]));
}

interface RawHealth {
  readonly endpoint: string;
  readonly health: boolean;
  readonly took?: string;
  readonly error?: string;
}

function endpointHealth({ health, took, error }: RawHealth): EtcdEndpointHealth {
  const [, raised] = /^Active Alarm\(s\): (.*)$/.exec(error ?? '') ?? [];
  const healthy = health || raised !== undefined;
  const latency = healthy ? milliseconds(took) : undefined;
  return {
    healthy,
    alarms: [...new Set(raised?.split(' ').filter((kind) => kind !== '') ?? [])],
    ...(healthy || error === undefined ? {} : { error }),
    ...(latency === undefined ? {} : { latencyMs: latency }),
  };
}

/** A Go duration as etcdctl prints it: `2.900407ms`, `1.2s`, `850µs`. */
function milliseconds(took: string | undefined): number | undefined {
  const match = /^([\d.]+)(µs|us|ms|s)$/.exec(took ?? '');
  if (!match) return undefined;
  const factor = { µs: 0.001, us: 0.001, ms: 1, s: 1000 }[match[2] as 'µs'];
  return Number(match[1]) * factor;
}
