export { type After, type Before, type Milestone, milestone, type Ref, type SameHost, sameHost } from './after.js';
export { type AddOptions, type Draft, draft } from './draft.js';
export type { Fault } from './fault.js';
export { foldHosts } from './fold-hosts.js';
export {
  empty,
  fragmentEntries,
  fragmentExits,
  linkNodes,
  mergeFragments,
  parallel,
  scoped,
  sequence,
} from './fragment.js';
export { onlyOn } from './only-on.js';
export { output, outputsIn } from './output.js';
export { graphToDot, graphToJson, graphToMermaid, graphToText, type PlanJson, type PlanNodeJson } from './print.js';
export { graphFromJson } from './restore.js';
export { isSealed, type SealOptions, seal, trySeal } from './seal.js';
export * from './types.js';
