import {
  type AdoptionObservation,
  adoptCluster,
  defineModule,
  observeAdoption,
  readAdoption,
  readKeysToAdopt,
  readNodes,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

/** What hosts and the API tell of a cluster whose work directory is lost. */
export const adoptionOf = defineReading(
  'adoption',
  defineModule('adoption', [readAdoption, readKeysToAdopt, readNodes({ certificates: false })]),
  observeAdoption,
);

/** The work directory from what the hosts have; no host is changed. */
export const adoptionOfCluster = (observed: AdoptionObservation): Pipeline =>
  definePipeline('adopt-cluster', { gate: defineModule('adopt', [adoptCluster(observed)]), modules: [] });
