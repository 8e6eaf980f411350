export { artifactIndex, loadArtifactIndex } from './artifact-index.js';
export { type ComponentName, catalogue } from './catalogue.js';
export { remoteBinary } from './remote-binary.js';
export type * from './types.js';
