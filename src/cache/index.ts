export { type Cache, type CacheSection, openCache } from './cache.js';
export { fileChecksum } from './file-checksum.js';
