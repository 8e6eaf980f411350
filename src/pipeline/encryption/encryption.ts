import {
  type ChangeEncryption,
  decryptObjects,
  defineModule,
  observeEncryption,
  readEncryptionState,
  rotateEncryptionKey,
} from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';
import { defineReading } from '../reading.js';

const nothing = defineModule('guard', []);

/** The keys of the control planes, and how etcd holds the objects. */
export const encryptionOf = defineReading(
  'encryption',
  defineModule('encryption', [readEncryptionState]),
  observeEncryption,
);

/** A new key in use everywhere, and nothing left that is written with the old one. */
export const rotationOfKey = (params: ChangeEncryption): Pipeline =>
  definePipeline('rotate-key', { gate: nothing, modules: [defineModule('keys', [rotateEncryptionKey(params)])] });

/** Everything that the config does not name in clear. */
export const decryption = (params: ChangeEncryption): Pipeline =>
  definePipeline('decrypt', { gate: nothing, modules: [defineModule('keys', [decryptObjects(params)])] });
