import { draft, type HostName } from '../../plan/index.js';
import {
  type EncryptionReport,
  readEncryption,
  readStored,
  type StepContext,
  type StoredReport,
} from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { servingHosts } from '../kubernetes/init-host.js';
import { encryptedResources, encryptionKeyFile, etcdAccess } from './settings.js';

const reports = { hosts: 'encryption:hosts', stored: 'encryption:stored' } as const;

/** Looks at the keys of all control planes that answer, and at the objects in etcd. */
export const readEncryptionState = defineTask('read-encryption', (ctx) => {
  const g = draft<StepContext>('read-encryption');
  const hosts = servingHosts(ctx);
  g.add('keys', hosts, readEncryption({ report: reports.hosts }));
  const [resources, etcd, keyFile] = [encryptedResources(ctx), etcdAccess(ctx), encryptionKeyFile(ctx)];
  g.add('objects', hosts.slice(0, 1), readStored({ report: reports.stored, resources, etcd, keyFile }));
  return g.done();
});

/** Encryption at rest as it is. Providers are named as `secretbox key-20260102030405` or `clear`. */
export interface EncryptionObservation {
  /** By control plane: its providers by resource, those that write first. A control plane without keys has none. */
  readonly hosts: ReadonlyMap<HostName, EncryptionReport['providers']>;
  /** Control planes of which nothing is known. */
  readonly unknown: readonly HostName[];
  /** By resource, how many objects are written how. Null: not known. */
  readonly stored: StoredReport['stored'] | null;
  /** The newest key of the work directory. */
  readonly newestKey: string | undefined;
  readonly failures: readonly string[];
}

export function observeEncryption(ctx: PlanContext, findings: Findings): EncryptionObservation {
  const hosts = new Map(
    reported<EncryptionReport>(findings, reports.hosts).map(({ host, data }) => [host, data.providers]),
  );
  const [stored] = reported<StoredReport>(findings, reports.stored);
  return {
    hosts,
    unknown: hostsWithRole(ctx, 'control-plane').filter((host) => !hosts.has(host)),
    stored: stored?.data.stored ?? null,
    newestKey: stored?.data.keys[0],
    failures: findings.failures.map(({ message }) => message),
  };
}

/**
 * The one key that everything is written with and that every control plane has; undefined while keys are being changed, or
 * where nothing is encrypted.
 */
export function settledKey({ hosts, unknown, stored, newestKey }: EncryptionObservation): string | undefined {
  if (unknown.length > 0 || stored === null || newestKey === undefined) return undefined;
  const inUse = (writer: string) => writer.endsWith(` ${newestKey}`);
  const lists = [...hosts.values()].flatMap((providers) => Object.values(providers));
  const everyHost = [...hosts.values()].every((providers) => Object.keys(providers).length > 0);
  const sameEverywhere = lists.every(([first = '', ...rest]) => inUse(first) && rest.every((each) => each === 'clear'));
  const allWritten = Object.values(stored).every((counts) => Object.keys(counts).every(inUse));
  return everyHost && sameEverywhere && allWritten ? newestKey : undefined;
}

/** `secrets: 12 secretbox key-20260102030405, 3 clear` for each resource. */
export function storedLines({ stored }: EncryptionObservation): readonly string[] {
  if (stored === null) return ['how etcd holds the objects is not known'];
  return Object.entries(stored).map(([resource, counts]) => {
    const parts = Object.entries(counts).map(([how, count]) => `${count} ${how}`);
    return `${resource}: ${parts.length > 0 ? parts.join(', ') : 'none'}`;
  });
}
