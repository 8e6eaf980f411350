import { minorOf } from '../../apis/kubexms/v1alpha1/index.js';
import type { CustomApi, StoredApi } from '../../step/index.js';
import { apiName, type UpgradeObservation } from './observation.js';

type Apis = Pick<UpgradeObservation, 'deprecated' | 'stored'>;

/** APIs that clients ask for, or that objects were written by, and that a release up to `to` does not serve any more. */
export function removedInUse({ deprecated, stored }: Apis, to: string): string[] {
  const asked = deprecated
    .filter(({ removedRelease }) => Number(removedRelease.split('.')[1]) <= minorOf(to))
    .map((api) => `${apiName(api)} is asked for, and is gone in ${api.removedRelease}`);
  const kept = stored.apis.filter(({ removed }) => removed <= minorOf(to)).map(storedText);
  return [...asked, ...kept];
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

function storedText(api: StoredApi): string {
  const { removed, objects } = api;
  if (typeof objects === 'number')
    return `${objects < 0 ? 'nobody knows how many' : objects} objects of ${apiName(api)} are stored, which is gone in 1.${removed}: delete them, or have them written by a newer version first`;
  const named = objects.slice(0, 5).join(', ');
  const more = objects.length > 5 ? ` and ${objects.length - 5} more` : '';
  return `${named}${more} ${objects.length === 1 ? 'was' : 'were'} written as ${apiName(api)}, which is gone in 1.${removed}: apply them anew in a newer version`;
}
