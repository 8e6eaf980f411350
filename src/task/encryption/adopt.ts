import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type Draft, draft, type HostName } from '../../plan/index.js';
import { type AdoptableKeys, readAdoptableKeys, type StepContext } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext } from '../context.js';
import { type Findings, reported } from '../findings.js';
import { knownKeys } from './passes.js';
import { encryptionFlags, encryptionKeyFile } from './settings.js';

const report = 'adopt:encryption';
const { config } = hostPaths.encryption;
const [flag = ''] = Object.keys(encryptionFlags);

/** Reads what keys the control planes work with, and which of them the work directory has. */
export const readKeysToAdopt = defineTask('read-keys-to-adopt', (ctx) => {
  const g = draft<StepContext>('read-keys-to-adopt');
  const hosts = hostsWithRole(ctx, 'control-plane').filter((host) => ctx.facts.has(host));
  g.add('keys', hosts, readAdoptableKeys({ report, keyFile: encryptionKeyFile(ctx) }));
  return g.done();
});

export interface KeysToAdopt {
  readonly hosts: ReadonlyMap<HostName, AdoptableKeys>;
  readonly failures: Findings['failures'];
}

export function observeKeysToAdopt(findings: Findings): KeysToAdopt {
  const hosts = new Map(reported<AdoptableKeys>(findings, report).map(({ host, data }) => [host, data]));
  return { hosts, failures: findings.failures };
}

/** What of encryption at rest an adoption brings or leaves, and what of it does not fit the config. Throws GUARD_REFUSED where it cannot be taken. */
export function forecastKeys(
  ctx: PlanContext,
  observed: KeysToAdopt,
): { readonly brought: readonly string[]; readonly warnings: readonly string[] } {
  const faults = [
    ...unknown(ctx, observed),
    ...refused(observed),
    ...foreign(ctx, observed),
    ...unlike(observed),
    ...unread(observed),
  ];
  if (faults.length > 0) {
    throw new KubexmError(
      'GUARD_REFUSED',
      'the keys of what etcd holds encrypted cannot be adopted as they are; nothing was written',
      { details: faults.map(({ what }) => what), hint: faults[0]?.hint, retryable: false },
    );
  }
  return { brought: broughtLines(observed), warnings: [...unfinished(observed), ...notAsConfigured(ctx, observed)] };
}

/** Brings them, one control plane after the other; nothing where no control plane has any. */
export function bringKeys(g: Draft<StepContext>, ctx: PlanContext, observed: KeysToAdopt): void {
  if (holders(observed).length > 0) knownKeys(g, ctx);
}

interface Fault {
  /** Host, path and cause. */
  readonly what: string;
  /** The next thing to type. */
  readonly hint: string;
}

function unknown(ctx: PlanContext, { hosts, failures }: KeysToAdopt): readonly Fault[] {
  const silent = hostsWithRole(ctx, 'control-plane').filter((host) => !hosts.has(host));
  const hint = 'every control plane has to be asked: kubexm cluster status; then kubexm cluster adopt again';
  return silent.map((host) => {
    const because = failures.find((failure) => failure.host === host)?.message ?? 'it did not answer';
    return { what: `${host}: with which keys it works (${config}) is not known: ${because}`, hint };
  });
}

function refused({ hosts }: KeysToAdopt): readonly Fault[] {
  return [...hosts.values()].flatMap(({ refusal }) =>
    refusal === undefined
      ? []
      : [
          {
            what: [refusal.message, ...refusal.details].join('; '),
            hint: `${refusal.hint}; then kubexm cluster adopt`,
          },
        ],
  );
}

/** An apiserver may read another file than kubexm's where the config says so. */
function foreign(ctx: PlanContext, { hosts }: KeysToAdopt): readonly Fault[] {
  const { apiServer, encryptionAtRest } = ctx.cluster.spec.kubernetes;
  const kept = apiServer.extraArgs[flag];
  const others = [...hosts].flatMap(([host, { reads }]) => (isForeign(reads) ? [{ host, reads }] : []));
  return others.flatMap(({ host, reads }) => {
    if (reads === kept) return [];
    const instead = encryptionAtRest === undefined ? '' : ', instead of encryptionAtRest,';
    return [
      {
        what: `${host}: kube-apiserver reads keys from ${reads}, a file that is not of kubexm's making, and the config does not name it`,
        hint: `to keep it, write spec.kubernetes.apiServer extraArgs: {${flag}: ${reads}}${instead} and its directory in extraVolumes; then kubexm cluster adopt`,
      },
    ];
  });
}

/** Control planes that work with different keys could not read what the others write. */
function unlike({ hosts }: KeysToAdopt): readonly Fault[] {
  const known = new Map<string, { readonly digest: string; readonly host: HostName }>();
  return [...hosts].flatMap(([host, { keys }]) => {
    const there = Object.entries(keys);
    const before = [...known].map(([name, by]) => `${by.host} ${name}`).join(', ');
    const changed = there.find(([name, digest]) => (known.get(name)?.digest ?? digest) !== digest)?.[0];
    const isOther = before !== '' && there.length > 0 && !there.some(([name]) => known.has(name));
    for (const [name, digest] of there) if (!known.has(name)) known.set(name, { digest, host });
    if (changed === undefined && !isOther) return [];
    const difference =
      changed === undefined
        ? `${namesOf(keys)}, and no key that another has (${before})`
        : `another ${changed} than ${known.get(changed)?.host}`;
    return [
      {
        what: `${host}: ${config} has ${difference}: control planes cannot read what each other writes`,
        hint: `see which of them reads everything (kubectl get secrets -A, asked of each), bring its ${config} to the others and restart their kube-apiserver; then kubexm cluster adopt`,
      },
    ];
  });
}

/** What apiservers are told to read has to be there, and of one kind. */
function unread(observed: KeysToAdopt): readonly Fault[] {
  const own = holders(observed);
  const all = [...observed.hosts];
  if (own.length > 0) {
    return all.flatMap(([host, { reads }]) =>
      isForeign(reads)
        ? [
            {
              what: `${host}: kube-apiserver reads ${reads}, and ${own.join(', ')} has ${config}`,
              hint: 'all control planes have to read the same keys: put that right; then kubexm cluster adopt',
            },
          ]
        : [],
    );
  }
  return all.flatMap(([host, { reads, refusal }]) =>
    reads === config && refusal === undefined
      ? [
          {
            what: `${host}: kube-apiserver reads ${config}, which is not there`,
            hint: `put it back from a backup before kube-apiserver of ${host} restarts; then kubexm cluster adopt`,
          },
        ]
      : [],
  );
}

function broughtLines(observed: KeysToAdopt): readonly string[] {
  const { hosts } = observed;
  const all = holders(observed);
  const kept = [...hosts].filter(([, { reads }]) => isForeign(reads));
  const keys = new Set(all.flatMap((host) => Object.keys(hosts.get(host)?.keys ?? {})));
  const missing = new Set(all.flatMap((host) => hosts.get(host)?.missing ?? []));
  return [
    ...(keys.size > 0
      ? [
          `keys of what etcd holds encrypted, from ${all.join(', ')}: ${[...keys].join(', ')}${missing.size === 0 ? ' (this machine has them)' : ''}`,
          'keys of earlier rotations, which only older snapshots need, are on no host: a backup of the work directory has them',
        ]
      : []),
    ...kept.map(
      ([host, { reads }]) =>
        `${host} keeps its own keys for etcd in ${reads}: they are not brought, keep a backup of them`,
    ),
  ];
}

/** What stopped half-way goes on with the next run; said, since control planes are not alike until then. */
function unfinished(observed: KeysToAdopt): readonly string[] {
  const { hosts } = observed;
  const own = holders(observed);
  const lists = new Set([...hosts.values()].map(({ providers, reads }) => JSON.stringify([sorted(providers), reads])));
  const digests = new Set([...hosts.values()].flatMap(({ digest }) => digest ?? []));
  const kept = [...hosts].filter(([, { reads }]) => isForeign(reads));
  const lost = kept.filter(([, { digest }]) => digest === undefined);
  return [
    ...(own.length > 0 && lists.size > 1
      ? [
          `control planes have different keys, or do not all read them, as after a change that was stopped: ${[...hosts].map(([host, { keys }]) => `${host} ${namesOf(keys) || 'none'}`).join('; ')}. kubexm cluster create sees it through`,
        ]
      : []),
    ...(digests.size > 1
      ? [`${kept.map(([host, { reads }]) => `${host}: ${reads}`).join(', ')} are not the same`]
      : []),
    ...lost.map(([host, { reads }]) => `${host}: ${reads}, which kube-apiserver reads keys from, is not there`),
  ];
}

function notAsConfigured(ctx: PlanContext, observed: KeysToAdopt): readonly string[] {
  const wanted = ctx.cluster.spec.kubernetes.encryptionAtRest;
  const { hosts } = observed;
  const section = 'spec.kubernetes.encryptionAtRest';
  const writers = new Map(
    [...hosts.values()].flatMap(({ providers }) =>
      Object.entries(providers).flatMap(([resource, [first = 'clear']]) =>
        first === 'clear' ? [] : [[resource, first.split(' ')[0] ?? ''] as const],
      ),
    ),
  );
  const encrypted = [...writers.keys()].toSorted();
  const [provider = ''] = new Set(writers.values());
  if (wanted === undefined) {
    if (holders(observed).length === 0) return [];
    if (encrypted.length === 0)
      return ['control planes still have keys that nothing is written with: kubexm secrets decrypt takes them away'];
    return [
      `etcd holds ${encrypted.join(', ')} encrypted, and the config does not say so: every change of the cluster is refused until it has ${section}: { provider: ${provider}, resources: [${encrypted.join(', ')}] }, or kubexm secrets decrypt`,
    ];
  }
  const clear = wanted.resources.filter((resource) => !writers.has(resource));
  const unnamed = encrypted.filter((resource) => !wanted.resources.includes(resource));
  return [
    ...(clear.length > 0
      ? [
          `the config wants ${clear.join(', ')} encrypted, which the cluster does not do: kubexm cluster create turns it on`,
        ]
      : []),
    ...(unnamed.length > 0
      ? [
          `etcd holds ${unnamed.join(', ')} encrypted, which ${section}.resources does not name: name it there, or kubexm secrets decrypt`,
        ]
      : []),
    ...(encrypted.length > 0 && provider !== wanted.provider
      ? [
          `the cluster encrypts with ${provider}, the config says ${wanted.provider}: kubexm cluster create makes a new key and writes everything anew`,
        ]
      : []),
  ];
}

/** Control planes that have a file of kubexm's making. */
function holders({ hosts }: KeysToAdopt): readonly HostName[] {
  return [...hosts].flatMap(([host, { providers }]) => (Object.keys(providers).length > 0 ? [host] : []));
}

function isForeign(reads: string | undefined): reads is string {
  return reads !== undefined && reads !== config;
}

function namesOf(keys: AdoptableKeys['keys']): string {
  return Object.keys(keys).join(', ');
}

function sorted(providers: AdoptableKeys['providers']): unknown {
  return Object.entries(providers).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
