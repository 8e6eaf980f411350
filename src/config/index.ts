export { type Diagnostic, renderDiagnostic } from './diagnostic.js';
export { clusterJsonSchema } from './json-schema.js';
export { placeOf } from './line.js';
export { type Loaded, loadCluster } from './load.js';
export { readClusterFile } from './read-file.js';
export { generatedDocs } from './reference.js';
export { showCluster } from './show.js';
export { clusterTemplate } from './template.js';
