export { artifactIndex, loadArtifactIndex } from './artifact-index.js';
export { catalogue, type ComponentName } from './catalogue.js';
export { remoteBinary } from './remote-binary.js';
export type * from './types.js';
