import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubexmError, unreachable } from '../errors/index.js';
import { Secret } from '../secrets/index.js';
import { commandFailed } from './failures.js';
import { type Emulated, emulate } from './fake-commands.js';
import { fakeFacts } from './fake-facts.js';
import { type FakeFile, type FakeFileInit, FakeFiles, fakeSha256 } from './fake-files.js';
import type { ShellCommand } from './shell.js';
import type {
  CommandResult,
  FileInfo,
  HostFacts,
  HostRunner,
  RunOptions,
  ServiceState,
  WriteOptions,
} from './types.js';

/** A command as the fake host sees it. */
export interface FakeCall {
  readonly text: string;
  readonly masked: string;
  readonly stdin: string;
  readonly root: boolean;
}

/** A string is stdout with exit code 0; a function may change the host first. */
export type FakeAnswer =
  | string
  | Partial<CommandResult>
  | ((call: FakeCall, host: FakeHost) => string | Partial<CommandResult> | Promise<string | Partial<CommandResult>>);

/**
 * Hits the nth operation (default: every one) whose text matches; texts are those of `operations`: `run systemctl start etcd`,
 * `writeFile /etc/x`, `upload /usr/local/bin/etcd`, `stat /etc/x`, ...
 */
export interface FakeFault {
  readonly on: RegExp;
  readonly nth?: number;
  readonly fault: 'fail' | 'drop-connection' | 'disk-full' | { readonly delayMs: number } | Error;
}

export interface FakeHostOptions {
  readonly name?: string;
  readonly files?: Readonly<Record<string, FakeFileInit>>;
  /** Files of the control machine that uploads take; others are read from the disk. */
  readonly localFiles?: Readonly<Record<string, FakeFileInit>>;
  /** Units that exist; `{}` is a loaded, stopped, disabled one. */
  readonly services?: Readonly<Record<string, Partial<ServiceState>>>;
  readonly packages?: readonly string[];
  readonly modules?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  /** First match answers: a string is the whole command, a RegExp is searched in it. Asked before the emulated ones. */
  readonly commands?: readonly (readonly [string | RegExp, FakeAnswer])[];
  readonly facts?: Partial<HostFacts>;
  readonly faults?: readonly FakeFault[];
}

/** A host in memory, for tests of steps. Commands are neither run nor guessed: not scripted and not emulated throws. */
export interface FakeHost extends HostRunner {
  /** Commands in the order they were run, masked. */
  readonly commands: string[];
  /** Everything asked of the host, reading too. */
  readonly operations: string[];
  readonly files: FakeFiles;
  readonly services: Map<string, ServiceState>;
  readonly packages: Set<string>;
  readonly modules: Set<string>;
  readonly sysctls: Map<string, string>;
  /** Stdin of each command, in the same order; `***` where it was a Secret. */
  readonly stdins: string[];
  faults: FakeFault[];
  /** Adds an answer that is asked before all others. */
  script(match: string | RegExp, answer: FakeAnswer): void;
}

const stopped: ServiceState = {
  load: 'loaded',
  active: 'inactive',
  enabled: false,
  needsDaemonReload: false,
  mainPid: 0,
  activeSince: 0,
};

/** A host in memory with files, services, packages, modules and sysctls. */
export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const name = options.name ?? 'node-1';
  const files = new FakeFiles();
  files.makeDirectories('/');
  for (const [path, init] of Object.entries(options.files ?? {})) files.put(path, init);
  const localFiles = new FakeFiles();
  for (const [path, init] of Object.entries(options.localFiles ?? {})) localFiles.put(path, init);
  const answers = [...(options.commands ?? [])];
  const hits = new Map<FakeFault, number>();

  async function operation(text: string, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new KubexmError('CANCELLED', `cancelled on ${name}`);
    host.operations.push(text);
    for (const fault of host.faults) {
      if (!fault.on.test(text)) continue;
      const hit = (hits.get(fault) ?? 0) + 1;
      hits.set(fault, hit);
      if (fault.nth === undefined || fault.nth === hit) await suffer(fault.fault, text, signal);
    }
  }

  async function suffer(fault: FakeFault['fault'], text: string, signal?: AbortSignal): Promise<void> {
    if (fault instanceof Error) throw fault;
    if (typeof fault === 'object') {
      try {
        await sleep(fault.delayMs, undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw new KubexmError('CANCELLED', `cancelled on ${name}`, { cause: error });
      }
      return;
    }
    switch (fault) {
      case 'fail':
        throw new KubexmError('COMMAND_FAILED', `${text} failed on ${name} with exit code 1`, {
          details: [text, 'fault of the test'],
        });
      case 'drop-connection':
        throw new KubexmError('HOST_UNREACHABLE', `lost the connection to ${name}`);
      case 'disk-full':
        throw new KubexmError('HOST_DISK_FULL', `no space left on ${name} for ${text}`, {
          hint: `make room on ${name}`,
        });
      default:
        unreachable(fault);
    }
  }

  async function execute(command: ShellCommand, runOptions: RunOptions): Promise<CommandResult> {
    const stdin = textOf(runOptions.stdin);
    const call = { text: command.text, masked: command.masked, stdin, root: runOptions.root ?? true };
    host.commands.push(command.masked);
    host.stdins.push(stdin);
    const result = await operation(`run ${command.masked}`, runOptions.signal).then(
      () => {
        const scripted = answers.find(([match]) => matches(match, command.text));
        return scripted ? answerOf(scripted[1], call) : emulatedResult(command);
      },
      (error: unknown) => {
        // Commands know no codes: it is what they print that tells.
        if (!(error instanceof KubexmError && error.code === 'HOST_DISK_FULL')) throw error;
        return { exitCode: 1, stdout: '', stderr: "cannot create '/on/a/full/disk': No space left on device\n" };
      },
    );
    for (const line of lines(result.stdout)) runOptions.onLine?.(line, 'stdout');
    for (const line of lines(result.stderr)) runOptions.onLine?.(line, 'stderr');
    return result;
  }

  async function answerOf(answer: FakeAnswer, call: FakeCall): Promise<CommandResult> {
    const given = typeof answer === 'function' ? await answer(call, host) : answer;
    return { exitCode: 0, stdout: '', stderr: '', ...(typeof given === 'string' ? { stdout: given } : given) };
  }

  function emulatedResult(command: ShellCommand): CommandResult {
    const state: Emulated = host;
    const result = emulate(state, command.text, () => files.tick());
    if (result) return result;
    throw new KubexmError(
      'INTERNAL',
      `fake host ${name} has no answer for: ${command.masked}\nadd it to fakeHost({ commands: [[/…/, { exitCode: 0 }]] })`,
      { retryable: false },
    );
  }

  function info(path: string, file: FakeFile, withSha256: boolean): FileInfo {
    const { type, mode, owner, group, mtime } = file;
    return {
      path,
      type,
      mode,
      owner,
      group,
      mtime,
      size: file.bytes.length,
      ...(withSha256 && type === 'file' ? { sha256: fakeSha256(file) } : {}),
      ...(file.linkTarget === undefined ? {} : { linkTarget: file.linkTarget }),
    };
  }

  function owned(writeOptions: WriteOptions): { mode: number; owner: string; group: string } {
    const [owner = 'root', group = owner] = (writeOptions.owner ?? 'root:root').split(':');
    return { mode: writeOptions.mode ?? 0o644, owner, group };
  }

  const host: FakeHost = {
    name,
    commands: [],
    operations: [],
    stdins: [],
    files,
    services: new Map(
      Object.entries(options.services ?? {}).map(([unit, state]) => [unitName(unit), serviceOf(state, files)]),
    ),
    packages: new Set(options.packages),
    modules: new Set(options.modules),
    sysctls: new Map(Object.entries(options.sysctls ?? {})),
    faults: [...(options.faults ?? [])],
    script: (match, answer) => void answers.unshift([match, answer]),

    async run(command, runOptions = {}) {
      const result = await execute(command, runOptions);
      if (result.exitCode === 0) return result;
      throw commandFailed(name, command.masked, result, (text) => text);
    },
    tryRun: (command, runOptions = {}) => execute(command, runOptions),
    async statMany(paths, statOptions = {}) {
      await operation(`stat ${paths.join(' ')}`, statOptions.signal);
      const found = new Map<string, FileInfo>();
      for (const path of paths) {
        const file = files.get(path);
        if (file) found.set(path, info(path, file, statOptions.sha256 ?? false));
      }
      return found;
    },
    async stat(path, statOptions) {
      return (await host.statMany([path], statOptions)).get(path);
    },
    async readFile(path, readOptions = {}) {
      await operation(`readFile ${path}`, readOptions.signal);
      const file = files.follow(path);
      if (file?.type === 'directory') throw new KubexmError('COMMAND_FAILED', `${path} on ${name} is a directory`);
      return file?.content;
    },
    async writeFile(path, content, writeOptions = {}) {
      await operation(`writeFile ${path}`, writeOptions.signal);
      files.put(path, { content: content instanceof Secret ? content.reveal() : content, ...owned(writeOptions) });
    },
    async upload(localPath, path, uploadOptions) {
      await operation(`upload ${path}`, uploadOptions.signal);
      const known = localFiles.get(localPath);
      const content = known?.bytes ?? (await localBytes(localPath));
      const source = { content, ...(known?.sha256 === undefined ? {} : { sha256: known.sha256 }) };
      const staged = new FakeFiles();
      staged.put('/staged', source);
      const digest = staged.get('/staged');
      if (digest && fakeSha256(digest) !== uploadOptions.sha256) {
        throw new KubexmError('TRANSFER_FAILED', `the copy of ${localPath} on ${name} has another checksum`);
      }
      uploadOptions.progress?.(content.length, content.length);
      files.put(path, { ...source, ...owned(uploadOptions) });
    },
    async download(path, localPath, downloadOptions = {}) {
      await operation(`download ${path}`, downloadOptions.signal);
      const file = files.follow(path);
      if (!file) throw new KubexmError('FILE_MISSING', `${path} does not exist on ${name}`);
      await writeFile(localPath, file.bytes, { mode: downloadOptions.mode ?? 0o600 });
      downloadOptions.progress?.(file.bytes.length, file.bytes.length);
    },
    async remove(path, removeOptions = {}) {
      await operation(`remove ${path}`, removeOptions.signal);
      if (files.get(path)?.type === 'directory' && removeOptions.recursive !== true) {
        throw new KubexmError('COMMAND_FAILED', `${path} on ${name} is a directory`);
      }
      files.removeTree(path);
    },
    async serviceState(unit, serviceOptions = {}) {
      await operation(`serviceState ${unit}`, serviceOptions.signal);
      return host.services.get(unitName(unit)) ?? { ...stopped, load: 'not-found' };
    },
    async facts(factOptions) {
      await operation('facts', factOptions.signal);
      const facts = fakeFacts(name, options.facts);
      return {
        ...facts,
        commands: options.facts?.commands ?? factOptions.commands,
        freeBytes: {
          ...Object.fromEntries(factOptions.diskPaths.map((path) => [path, 100 * 2 ** 30])),
          ...facts.freeBytes,
        },
      };
    },
  };
  return host;
}

function serviceOf(state: Partial<ServiceState>, files: FakeFiles): ServiceState {
  const running = state.active === 'active' ? { mainPid: 1000 + (files.tick() % 1000), activeSince: files.tick() } : {};
  return { ...stopped, ...running, ...state };
}

/** Units without a type are services, as for systemctl. */
function unitName(unit: string): string {
  return /\.(service|socket|timer|mount|target|path|slice)$/.test(unit) ? unit : `${unit}.service`;
}

async function localBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new KubexmError('FILE_MISSING', `cannot read ${path}`, { cause: error });
  }
}

function textOf(stdin: RunOptions['stdin']): string {
  if (stdin instanceof Secret) return '***';
  return stdin === undefined ? '' : Buffer.from(stdin as string).toString('utf8');
}

function matches(match: string | RegExp, text: string): boolean {
  return typeof match === 'string' ? match === text : match.test(text);
}

function lines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
