export { type ImportedCertificates, importSigned, type WrittenRequest, writeRequests } from '../step/index.js';
export { openRuntime, type Runtime, type RuntimeOptions } from './runtime.js';
