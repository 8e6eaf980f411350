import { asError, KubexmError } from '../errors/index.js';
import type { Secret } from '../secrets/index.js';
import type { CommandResult } from './types.js';

/** Replaces the secrets in text of the host; of secrets with several lines, each line. */
export function masker(secrets: readonly Secret[]): (text: string) => string {
  const values = secrets
    .map((secret) => secret.reveal())
    .flatMap((value) => [value, value.trim(), ...value.split('\n').filter((line) => line.length >= 8)])
    .filter((value) => value.length >= 3)
    .sort((a, b) => b.length - a.length);
  return (text) => values.reduce((masked, value) => masked.replaceAll(value, '***'), text);
}

/** COMMAND_FAILED, or HOST_DISK_FULL where stderr says so. Details: the masked command and the last lines that it wrote. */
export function commandFailed(
  host: string,
  maskedCommand: string,
  result: CommandResult,
  mask: (text: string) => string,
): KubexmError {
  const details = [maskedCommand, ...lastLines(mask(result.stderr.trim() === '' ? result.stdout : result.stderr))];
  if (isDiskFull(result)) {
    return new KubexmError('HOST_DISK_FULL', `a command failed on ${host}: no space left on a disk`, {
      hint: `make room on ${host}: df -h`,
      details,
    });
  }
  return new KubexmError('COMMAND_FAILED', `a command failed on ${host} with exit code ${result.exitCode}`, {
    details,
  });
}

/** The same failure, with what was being done. */
export function withCommand(error: unknown, maskedCommand: string): Error {
  if (!(error instanceof KubexmError) || error.code !== 'COMMAND_TIMEOUT') return asError(error);
  const { message, hint, retryable } = error;
  return new KubexmError('COMMAND_TIMEOUT', message, { hint, retryable, details: [maskedCommand], cause: error });
}

export function isDiskFull(result: CommandResult): boolean {
  return result.exitCode !== 0 && /No space left on device|Disk quota exceeded/.test(result.stderr);
}

function lastLines(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n').slice(-10);
}
