export { type AdoptableKeys, readAdoptableKeys } from './adoptable.js';
export { type MakeEncryptionKey, makeEncryptionKey, readBackKeys, retireKeys } from './keys.js';
export { keysInUse } from './keys-in-use.js';
export { type PlaceEncryptionConfig, placeEncryptionConfig } from './place.js';
export {
  type EncryptionReport,
  type ReadEncryption,
  type ReadStored,
  readEncryption,
  readStored,
  type StoredReport,
} from './read-state.js';
export { type RewriteObjects, rewriteObjects } from './rewrite.js';
export { sameControlPlanes } from './same-control-planes.js';
export type { EtcdAccess } from './stored.js';
