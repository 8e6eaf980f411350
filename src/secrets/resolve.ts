import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { asError, KubexmError, unreachable } from '../errors/index.js';
import { Secret, type SecretSource } from './secret.js';

/** What resolving needs from its caller. */
export interface ResolveOptions {
  /** Asks on the terminal without echo; without it, `{ prompt: true }` is an error. */
  readonly prompt?: ((question: string) => Promise<string>) | undefined;
  /** What the secret is for, in the question and in errors: `sudo password of w1`. */
  readonly title?: string | undefined;
  /** Hears what is unwise, such as a file that everyone may read. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A password manager may ask its user to unlock it. */
const execTimeoutMs = 120_000;

/** Fetches the secret from where it is kept. Throws SECRET_MISSING when it is not there or empty; never shows what it read. */
export async function resolveSecret(source: SecretSource, options: ResolveOptions = {}): Promise<Secret> {
  const title = options.title ?? 'secret';
  if ('plain' in source) return source.plain;
  if ('env' in source) return fromEnvironment(source.env, title, options.env ?? process.env);
  if ('file' in source) return fromFile(source.file, title, options.warn);
  if ('exec' in source) return fromCommand(source.exec, title, options.signal);
  if ('prompt' in source) return fromPrompt(title, options.prompt);
  return unreachable(source);
}

function fromEnvironment(name: string, title: string, env: Readonly<Record<string, string | undefined>>): Secret {
  const value = env[name];
  if (value === undefined) {
    throw missing(`the environment variable ${name} for the ${title} is not set`, `read -rs ${name} && export ${name}`);
  }
  return nonEmpty(value, `the environment variable ${name} for the ${title} is empty`);
}

async function fromFile(path: string, title: string, warn?: (message: string) => void): Promise<Secret> {
  const [text, found] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch((thrown: unknown) => {
    const cause = asError(thrown);
    throw new KubexmError('SECRET_MISSING', `cannot read ${path} for the ${title}: ${cause.message}`, {
      cause,
      retryable: false,
    });
  });
  if ((found.mode & 0o077) !== 0) warn?.(`${path} with the ${title} is open to others; chmod 600 ${path}`);
  return nonEmpty(firstLine(text), `${path} with the ${title} is empty`);
}

async function fromCommand(command: readonly string[], title: string, signal?: AbortSignal): Promise<Secret> {
  const [program = '', ...args] = command;
  const output = await new Promise<string>((done, failed) => {
    const settings = { timeout: execTimeoutMs, maxBuffer: 2 ** 20, ...(signal === undefined ? {} : { signal }) };
    execFile(program, args, settings, (problem, stdout, stderr) => {
      if (problem === null) done(stdout);
      else failed(commandFailed(program, title, problem, stderr));
    });
  });
  return nonEmpty(firstLine(output), `${program} printed nothing for the ${title}`);
}

/** Neither the output nor the arguments are shown, and the cause, which holds both, is left out. */
function commandFailed(
  program: string,
  title: string,
  problem: Error & { readonly code?: unknown },
  stderr: string,
): KubexmError {
  const why =
    problem.code === 'ENOENT'
      ? 'was not found'
      : `failed (${typeof problem.code === 'string' || typeof problem.code === 'number' ? problem.code : problem.name})`;
  const details = stderr
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-5);
  return new KubexmError('SECRET_MISSING', `the command ${program} for the ${title} ${why}`, {
    details,
    retryable: false,
  });
}

async function fromPrompt(title: string, prompt?: (question: string) => Promise<string>): Promise<Secret> {
  if (prompt === undefined) {
    throw missing(
      `the ${title} is to be typed in, and there is no terminal to ask on`,
      'use { env: NAME } or { file: PATH } instead of { prompt: true }',
    );
  }
  return nonEmpty(await prompt(title), `no ${title} was given`);
}

function firstLine(text: string): string {
  return /^[^\r\n]*/.exec(text)?.[0] ?? '';
}

function nonEmpty(value: string, message: string): Secret {
  if (value === '') throw missing(message);
  return new Secret(value);
}

function missing(message: string, hint?: string): KubexmError {
  return new KubexmError('SECRET_MISSING', message, { hint, retryable: false });
}
