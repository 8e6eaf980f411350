import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { alive, type ProcessId } from '../../hosts/process-id.js';
import { keyOf, withLock } from '../build/cache.js';
import { buildSite } from '../build/site.js';
import { answers, endProcess, startDetached, waitUntilAnswering } from './detached.js';
import { ensurePrivateRegistryFiles, privateRegistryConfig } from './private-registry.js';
import { type MirrorRecord, readRecord, removeRecord, writeRecord } from './record.js';

export interface MirrorAddress {
  /** `http://10.99.0.1:8080`: upstream's files, each below the upstream's host name. */
  readonly filesUrl: string;
  /** `10.99.0.1:5000`, over plain http. */
  readonly registry: string;
  /** `10.99.0.1:5443`, the same images over TLS of a private CA, for those who log in. */
  readonly privateRegistry: string;
}

/** Which of the mirror's servers run and answer. */
export interface MirrorStatus {
  readonly files: boolean;
  readonly registry: boolean;
  readonly privateRegistry: boolean;
}

const nothingRuns: MirrorStatus = { files: false, registry: false, privateRegistry: false };

export interface StartMirrorOptions {
  /** An address of this machine: the bridge's, or 127.0.0.1 without hosts. */
  readonly listenAddress: string;
  /** Where the lab keeps what it started: records, logs, configuration. */
  readonly stateDir: string;
  readonly log: (line: string) => void;
  readonly filesPort?: number;
  readonly registryPort?: number;
  readonly privateRegistryPort?: number;
}

/** Serves the mirror from processes that outlive this one. Builds it first if need be. Does nothing when it is served already. */
export async function startMirror(options: StartMirrorOptions): Promise<MirrorAddress> {
  const { listenAddress, log, filesPort = 8080, registryPort = 5000, privateRegistryPort = 5443 } = options;
  const stateDir = resolve(options.stateDir);
  const site = await buildSite(log);
  const address = {
    filesUrl: `http://${listenAddress}:${filesPort}`,
    registry: `${listenAddress}:${registryPort}`,
    privateRegistry: `${listenAddress}:${privateRegistryPort}`,
  };
  return exclusively(stateDir, async () => {
    const wanted = { ...address, site };
    const running = await readRecord(stateDir);
    if (running !== undefined && isSame(running, wanted) && allTrue(await statusOf(running))) return address;
    await stopRecorded(stateDir);
    await serve(wanted, stateDir);
    log(`the mirror serves files at ${address.filesUrl} and images at ${address.registry}`);
    return address;
  });
}

/** Ends what startMirror started for this state directory, and nothing else. Does nothing when nothing runs. */
export async function stopMirror({ stateDir }: { stateDir: string }): Promise<void> {
  await exclusively(stateDir, () => stopRecorded(stateDir));
}

export async function mirrorStatus({ stateDir }: { stateDir: string }): Promise<MirrorStatus> {
  const record = await readRecord(stateDir);
  return record === undefined ? nothingRuns : statusOf(record);
}

type Wanted = MirrorAddress & { readonly site: string };

async function serve(wanted: Wanted, stateDir: string): Promise<void> {
  const logFile = join(stateDir, 'mirror.log');
  const processes: MirrorRecord['processes'] = {};
  await mkdir(stateDir, { recursive: true });
  try {
    const listen = wanted.filesUrl.slice('http://'.length);
    const args = ['--root', join(wanted.site, 'files'), '--listen', listen];
    processes.files = await startDetached(join(wanted.site, 'bin', 'file-server'), args, { logFile });
    await writeRecord(stateDir, { ...wanted, processes });
    await ensurePrivateRegistryFiles(wanted.privateRegistry, stateDir);
    const config = registryConfig(wanted);
    const closed = privateRegistryConfig(config, wanted.privateRegistry, stateDir);
    processes.registry = await startRegistry(wanted, config, join(stateDir, 'registry.yaml'), logFile);
    await writeRecord(stateDir, { ...wanted, processes });
    processes.privateRegistry = await startRegistry(wanted, closed, join(stateDir, 'private-registry.yaml'), logFile);
    await writeRecord(stateDir, { ...wanted, processes });
    await waitUntilAnswering(wanted.filesUrl, processes.files, logFile);
    await waitUntilAnswering(`http://${wanted.registry}/v2/`, processes.registry, logFile);
    await waitUntilAnswering(unencrypted(wanted.privateRegistry), processes.privateRegistry, logFile);
  } catch (error) {
    await stopRecorded(stateDir);
    throw error;
  }
}

async function startRegistry(
  { site }: Wanted,
  config: object,
  configFile: string,
  logFile: string,
): Promise<ProcessId> {
  await writeFile(configFile, stringify(config));
  // Without this the registry looks for a collector of traces.
  const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' };
  return startDetached(join(site, 'bin', 'registry'), ['serve', configFile], { logFile, env });
}

/** Read-only: the directory is in the cache, and every later lab serves the same one. */
export function registryConfig({ registry, site }: Pick<Wanted, 'registry' | 'site'>) {
  return {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(site, 'registry') },
      cache: { blobdescriptor: 'inmemory' },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: true } },
    },
    http: { addr: registry },
  };
}

async function stopRecorded(stateDir: string): Promise<void> {
  const record = await readRecord(stateDir);
  if (record === undefined) return;
  const started = Object.values(record.processes).filter((identity) => identity !== undefined);
  await Promise.all(started.map(endProcess));
  await removeRecord(stateDir);
}

async function statusOf({ processes, ...at }: MirrorRecord): Promise<MirrorStatus> {
  const isUp = async (identity: ProcessId | undefined, url: string) =>
    identity !== undefined && (await alive(identity)) && (await answers(url));
  const [files, registry, privateRegistry] = await Promise.all([
    isUp(processes.files, at.filesUrl),
    isUp(processes.registry, `http://${at.registry}/v2/`),
    at.privateRegistry !== undefined && isUp(processes.privateRegistry, unencrypted(at.privateRegistry)),
  ]);
  return { files, registry, privateRegistry };
}

/** Enough to see that it is there, without its CA: a Go server answers a request that should have been encrypted with 400. */
function unencrypted(address: string): string {
  return `http://${address}/`;
}

function isSame(running: MirrorRecord, wanted: Wanted): boolean {
  const keys = ['filesUrl', 'registry', 'privateRegistry', 'site'] as const;
  return keys.every((key) => running[key] === wanted[key]);
}

function allTrue(status: MirrorStatus): boolean {
  return Object.values(status).every(Boolean);
}

function exclusively<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  return withLock(`mirror-${keyOf(resolve(stateDir))}`, () => undefined, work);
}
