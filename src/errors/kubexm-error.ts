import { type ErrorCode, exitCodes } from './codes.js';

/** `hint` is the next thing to type or to look at; `details` are further lines, such as the last lines of stderr. */
export interface KubexmErrorOptions {
  readonly hint?: string | undefined;
  readonly details?: readonly string[] | undefined;
  readonly cause?: unknown;
  /** False where trying again cannot help: a wrong password, a changed host key, a refused guard. Default true. */
  readonly retryable?: boolean;
}

/** Every failure that kubexm explains to its user. Message: what failed, where; hint: what to do next. */
export class KubexmError extends Error {
  override readonly name = 'KubexmError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: KubexmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.retryable = options.retryable ?? true;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** For the default branch of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new KubexmError('INTERNAL', `unexpected value ${JSON.stringify(value)}`);
}
