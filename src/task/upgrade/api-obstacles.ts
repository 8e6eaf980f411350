import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import type { CustomApi, StoredApi, StoredApis } from '../../step/index.js';
import { apiName, type UpgradeObservation } from './observation.js';

type Apis = Pick<UpgradeObservation, 'deprecated' | 'stored'>;

/** API servers that do not say what they are asked for. That of a host which an interrupted upgrade has half-way may be down. */
export function uncountedApis({ uncounted, hosts }: Pick<UpgradeObservation, 'uncounted' | 'hosts'>): {
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
} {
  const versions = new Set([...hosts.values()].flatMap(({ controlPlane }) => Object.values(controlPlane)));
  const lines = uncounted.map((host) => `the API server of ${host} does not say which deprecated APIs are asked for`);
  return versions.size > 1 ? { refusals: [], warnings: lines } : { refusals: lines, warnings: [] };
}

/** APIs that clients ask for, or that manifests of objects are of, and that a release up to `to` does not serve any more. */
export function removedInUse({ deprecated, stored }: Apis, to: string): string[] {
  const asked = deprecated
    .filter(({ removedRelease }) => Number(removedRelease.split('.')[1]) <= minorOf(to))
    .map((api) => `${apiName(api)} is asked for, and is gone in ${api.removedRelease}`);
  return [...asked, ...goneBy(stored, to).flatMap(storedText)];
}

/** Objects that somebody wrote once by such an API: whether they would again, nobody knows. */
export function oldWriters({ stored }: Pick<Apis, 'stored'>, to: string): string[] {
  return goneBy(stored, to).flatMap((api) =>
    api.written.length === 0
      ? []
      : [`${someOf(api.written)} once written as ${apiName(api)}, which is gone in 1.${api.removed}: see by whom`],
  );
}

function goneBy({ apis }: StoredApis, to: string): readonly StoredApi[] {
  return apis.filter(({ removed }) => removed <= minorOf(to));
}

/** Objects of users' own kinds that no apiserver could read. */
export function unreadable({ stored }: Pick<Apis, 'stored'>): string[] {
  return stored.custom.flatMap(({ name, versions, stored: all }) => {
    const gone = all.filter((version) => versions.every((each) => each.name !== version));
    return gone.length === 0
      ? []
      : [
          `objects of ${name} are stored as ${gone.join(', ')}, which it does not have any more: add the version to its CustomResourceDefinition again (served: false), write the objects anew, then take it out of status.storedVersions`,
        ];
  });
}

/** What is well to know of users' own kinds. */
export function customWarnings({ stored }: Pick<Apis, 'stored'>): string[] {
  return stored.custom.flatMap((custom) => [...unserved(custom), ...unestablished(custom)]);
}

function unserved({ name, versions, stored }: CustomApi): string[] {
  const old = stored.filter((version) => versions.some((each) => each.name === version && !each.served));
  return old.length === 0
    ? []
    : [
        `objects of ${name} may be stored as ${old.join(', ')}, which it does not serve: only its conversion reads them`,
      ];
}

function unestablished({ name, established }: CustomApi): string[] {
  return established ? [] : [`${name} is not established: its objects are not served`];
}

function storedText(api: StoredApi): string[] {
  const { removed, count, applied } = api;
  const many = count !== undefined && count < 0 ? 'nobody knows how many' : String(count);
  return [
    ...(count === undefined
      ? []
      : [
          `${many} objects of ${apiName(api)} are stored, which is gone in 1.${removed}: delete them, or have them written by a newer version first`,
        ]),
    ...(applied.length === 0
      ? []
      : [
          `${someOf(applied)} applied as ${apiName(api)}, which is gone in 1.${removed}: apply the manifest anew in a newer version`,
        ]),
  ];
}

/** `a, b and 3 more were` */
function someOf(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more} ${names.length === 1 ? 'was' : 'were'}`;
}
