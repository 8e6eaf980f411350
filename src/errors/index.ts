export { type ErrorCode, exitCodes } from './codes.js';
export { asError, KubexmError, type KubexmErrorOptions, unreachable } from './kubexm-error.js';
