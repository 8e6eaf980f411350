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
  const full = result.exitCode === 0 ? undefined : diskFull(host, mask(result.stderr), details);
  if (full) return full;
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
  return result.exitCode !== 0 && wantsRoom.test(result.stderr);
}

// Go's programs write it in lower case; apt and rpm look before they begin.
const wantsRoom =
  /no space left on device|disk quota exceeded|don't have enough free space|at least \d+\w+ more space needed/i;

/** HOST_DISK_FULL with the line that says so, which names the path; undefined where none of the text does. */
export function diskFull(host: string, text: string, details: readonly string[]): KubexmError | undefined {
  const line = text.split('\n').find((each) => wantsRoom.test(each));
  if (line === undefined) return undefined;
  return new KubexmError('HOST_DISK_FULL', `no space left on ${host}: ${line.trim().slice(0, 500)}`, {
    hint: `make room on ${host} (df -h; df -i), then run the same command again`,
    details,
  });
}

function lastLines(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n').slice(-10);
}
