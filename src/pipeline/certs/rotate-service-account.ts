import {
  defineModule,
  dropServiceAccountKeys,
  requireNewTokens,
  requireServiceAccountKey,
  rotateServiceAccountKey,
} from '../../module/index.js';
import { definePipeline } from '../define.js';

/** Another key for the tokens of service accounts; those of the one before stay good. */
export const rotateServiceAccount = definePipeline('rotate-service-account', {
  gate: defineModule('key', [requireServiceAccountKey]),
  modules: [defineModule('certificates', [rotateServiceAccountKey])],
});

/** Tokens of earlier keys are good no more. */
export const dropOldServiceAccountKeys = definePipeline('drop-service-account-keys', {
  gate: defineModule('tokens', [requireNewTokens]),
  modules: [defineModule('certificates', [dropServiceAccountKeys])],
});
