import type { HostName, Json } from '../plan/index.js';

/** What reads found out about a running cluster. A step of a read puts its data into the event stream under a name. */
export interface Findings {
  readonly reports: readonly { readonly report: string; readonly host: HostName; readonly data: Json }[];
  /** Reads that failed: what they were to tell is unknown, which is not the same as absent. */
  readonly failures: readonly { readonly host: HostName; readonly message: string }[];
}

/** All data of one name, by host. The caller names the shape that the step of this report gives its data. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function reported<T>(
  { reports }: Findings,
  report: string,
): readonly { readonly host: HostName; readonly data: T }[] {
  return reports.flatMap((each) => (each.report === report ? [{ host: each.host, data: each.data as T }] : []));
}
