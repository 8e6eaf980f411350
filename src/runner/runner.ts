import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Connector, ExecOptions } from '../connector/index.js';
import { asError, KubexmError } from '../errors/index.js';
import { Secret } from '../secrets/index.js';
import { decideElevation, type ElevatedCommand, type Elevation, elevate } from './elevation.js';
import { parseFacts } from './facts-parse.js';
import { factsScript } from './facts-script.js';
import { commandFailed, masker, withCommand } from './failures.js';
import { type PlaceOptions, placeFailure, placeScript } from './place.js';
import { parseServiceState, serviceStateScript } from './service-state.js';
import { quote, type ShellCommand, script, sh } from './shell.js';
import { parseStat, statScript } from './stat.js';
import type { CommandResult, HostFacts, HostRunner, RunOptions, UploadOptions, WriteOptions } from './types.js';

export interface RunnerOptions {
  readonly name: string;
  /** `false`: everything runs as the login user, and files belong to it, as on the control machine. */
  readonly sudo: false | { readonly password?: Secret };
}

/** Host operations on a connector. It keeps nothing but the way to become root, which it asks once. */
export function createRunner(connector: Connector, options: RunnerOptions): HostRunner {
  return new ConnectorRunner(connector, options);
}

class ConnectorRunner implements HostRunner {
  readonly name: string;
  readonly #connector: Connector;
  readonly #sudo: RunnerOptions['sudo'];
  #elevation: Promise<Elevation> | undefined;

  constructor(connector: Connector, { name, sudo }: RunnerOptions) {
    this.name = name;
    this.#connector = connector;
    this.#sudo = sudo;
  }

  async run(command: ShellCommand, options: RunOptions = {}): Promise<CommandResult> {
    const result = await this.tryRun(command, options);
    if (result.exitCode === 0) return result;
    throw commandFailed(this.name, command.masked, result, masker(secretsOf(command, options)));
  }

  async tryRun(command: ShellCommand, options: RunOptions = {}): Promise<CommandResult> {
    const elevation = options.root === false ? { type: 'never' as const } : await this.#decided();
    const elevated = elevate(elevation, command.text);
    const { timeoutMs, signal, onLine, long } = options;
    const mask = masker(secretsOf(command, options));
    const stdin = options.stdin instanceof Secret ? options.stdin.reveal() : options.stdin;
    const exec: ExecOptions = {
      ...shellOf(elevated),
      ...(stdin === undefined ? {} : { stdin }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
      ...(onLine === undefined ? {} : { onLine: (line, stream) => onLine(mask(line), stream) }),
      ...(long === undefined ? {} : { ownChannel: long }),
    };
    try {
      return await this.#connector.exec(elevated.text, exec);
    } catch (error) {
      throw withCommand(error, command.masked);
    }
  }

  async statMany(paths: readonly string[], options: { sha256?: boolean; signal?: AbortSignal } = {}) {
    const unique = [...new Set(paths)];
    if (unique.length === 0) return new Map();
    const { script: text, stdin } = statScript(unique, options.sha256 ?? false);
    const result = await this.tryRun(script(text), { ...signalOf(options), ...(stdin === '' ? {} : { stdin }) });
    return parseStat(this.name, unique, result);
  }

  async stat(path: string, options: { sha256?: boolean; signal?: AbortSignal } = {}) {
    return (await this.statMany([path], options)).get(path);
  }

  async readFile(path: string, options: { signal?: AbortSignal } = {}): Promise<string | undefined> {
    const command = sh`cat -- ${path}`;
    const result = await this.tryRun(command, signalOf(options));
    if (result.exitCode === 0) return result.stdout;
    if (/^cat: .*: No such file or directory$/m.test(result.stderr)) return undefined;
    throw commandFailed(this.name, command.masked, result, (text) => text);
  }

  async writeFile(path: string, content: string | Uint8Array | Secret, options: WriteOptions = {}): Promise<void> {
    // Of a kubexm that is killed while it writes, the host sees an end of the text and not its loss.
    const bytes = content instanceof Secret ? content.reveal() : content;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const place = this.#place(path, options, { sync: true, sha256 });
    const result = await this.tryRun(script(placeScript(place)), { stdin: content, ...signalOf(options) });
    const failure = placeFailure(this.name, place, result);
    if (failure) throw failure;
  }

  async upload(localPath: string, path: string, options: UploadOptions): Promise<void> {
    const place = this.#place(path, options, { sync: false, sha256: options.sha256 });
    const elevated = elevate(await this.#decided(), placeScript(place));
    const { progress } = options;
    const total = await sizeOf(localPath);
    const result = await this.#connector.upload(localPath, elevated.text, {
      ...signalOf(options),
      ...shellOf(elevated),
      ...(progress === undefined ? {} : { progress: (done) => progress(done, total) }),
    });
    const failure = placeFailure(this.name, place, result);
    if (failure) throw failure;
  }

  async download(path: string, localPath: string, options: Parameters<HostRunner['download']>[2] = {}): Promise<void> {
    const { progress, mode } = options;
    const size =
      progress === undefined ? 0 : Number((await this.tryRun(sh`stat -Lc %s -- ${path}`, signalOf(options))).stdout);
    const elevated = elevate(await this.#decided(), `cat -- ${quote(path)}`);
    const result = await this.#connector.download(elevated.text, localPath, {
      ...signalOf(options),
      ...shellOf(elevated),
      ...(mode === undefined ? {} : { mode }),
      ...(progress === undefined ? {} : { progress: (done) => progress(done, size) }),
    });
    if (result.exitCode === 0) return;
    if (/^cat: .*: No such file or directory$/m.test(result.stderr)) {
      throw new KubexmError('FILE_MISSING', `${path} does not exist on ${this.name}`);
    }
    throw commandFailed(this.name, `cat ${path}`, result, (text) => text);
  }

  async remove(path: string, options: { recursive?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    if (posix.resolve(path) === '/' || !posix.isAbsolute(path))
      throw new KubexmError('INTERNAL', `refused to remove ${path} on ${this.name}`);
    await this.run(options.recursive === true ? sh`rm -rf -- ${path}` : sh`rm -f -- ${path}`, signalOf(options));
  }

  async serviceState(unit: string, options: { signal?: AbortSignal } = {}) {
    const result = await this.tryRun(script(serviceStateScript(unit)), { root: false, ...signalOf(options) });
    return parseServiceState(this.name, unit, result);
  }

  async facts(options: Parameters<HostRunner['facts']>[0]): Promise<HostFacts> {
    const elevation = await this.#decided(); // before the clock is read: it may have to connect
    const sentAt = Date.now();
    const result = await this.run(script(factsScript(options)), signalOf(options));
    const receivedAt = Date.now();
    const sudo = elevation.type === 'never' ? 'root' : elevation.type;
    return parseFacts(result.stdout, { host: this.name, sudo, sentAt, receivedAt });
  }

  #place(path: string, options: WriteOptions, more: Pick<PlaceOptions, 'sync' | 'sha256'>): PlaceOptions {
    const owner = options.owner ?? (this.#sudo === false ? undefined : 'root:root');
    return { path, mode: options.mode ?? 0o644, owner, ...more };
  }

  /** Asked once; a lost connection is no answer, a wrong password is: repeating it may lock the account. */
  #decided(): Promise<Elevation> {
    if (this.#sudo === false) return Promise.resolve({ type: 'never' });
    this.#elevation ??= decideElevation(this.#connector, this.#sudo.password).catch((error: unknown) => {
      if (!(error instanceof KubexmError && error.code === 'SUDO_FAILED')) this.#elevation = undefined;
      throw error;
    });
    return this.#elevation;
  }
}

function secretsOf(command: ShellCommand, { secrets = [], stdin }: RunOptions): Secret[] {
  return [...command.secrets, ...secrets, ...(stdin instanceof Secret ? [stdin] : [])];
}

/** Only where there is one: absent is not the same as undefined. */
function signalOf({ signal }: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function shellOf({ shell }: ElevatedCommand): Pick<ExecOptions, 'shell'> {
  return shell === undefined ? {} : { shell };
}

async function sizeOf(localPath: string): Promise<number> {
  try {
    return (await stat(localPath)).size;
  } catch (error) {
    throw new KubexmError('FILE_MISSING', `cannot read ${localPath}: ${asError(error).message}`, {
      cause: error,
      retryable: false,
    });
  }
}
