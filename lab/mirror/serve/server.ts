import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { alive, type ProcessId } from '../../hosts/process-id.js';
import { keyOf, withLock } from '../build/cache.js';
import { buildSite } from '../build/site.js';
import { answers, endProcess, startDetached, waitUntilAnswering } from './detached.js';
import { type MirrorRecord, readRecord, removeRecord, writeRecord } from './record.js';

export interface MirrorAddress {
  /** `http://10.99.0.1:8080`: upstream's files, each below the upstream's host name. */
  readonly filesUrl: string;
  /** `10.99.0.1:5000`, over plain http. */
  readonly registry: string;
}

export interface StartMirrorOptions {
  /** An address of this machine: the bridge's, or 127.0.0.1 without hosts. */
  readonly listenAddress: string;
  /** Where the lab keeps what it started: records, logs, configuration. */
  readonly stateDir: string;
  readonly log: (line: string) => void;
  readonly filesPort?: number;
  readonly registryPort?: number;
}

/** Serves the mirror from processes that outlive this one. Builds it first if need be. Does nothing when it is served already. */
export async function startMirror(options: StartMirrorOptions): Promise<MirrorAddress> {
  const { listenAddress, log, filesPort = 8080, registryPort = 5000 } = options;
  const stateDir = resolve(options.stateDir);
  const site = await buildSite(log);
  const address = { filesUrl: `http://${listenAddress}:${filesPort}`, registry: `${listenAddress}:${registryPort}` };
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

/** Which of the two servers run and answer. */
export async function mirrorStatus({ stateDir }: { stateDir: string }): Promise<{ files: boolean; registry: boolean }> {
  const record = await readRecord(stateDir);
  return record === undefined ? { files: false, registry: false } : statusOf(record);
}

async function serve(wanted: Omit<MirrorRecord, 'processes'>, stateDir: string): Promise<void> {
  const logFile = join(stateDir, 'mirror.log');
  const processes: MirrorRecord['processes'] = {};
  await mkdir(stateDir, { recursive: true });
  try {
    const listen = wanted.filesUrl.slice('http://'.length);
    const args = ['--root', join(wanted.site, 'files'), '--listen', listen];
    processes.files = await startDetached(join(wanted.site, 'bin', 'file-server'), args, { logFile });
    await writeRecord(stateDir, { ...wanted, processes });
    const configFile = join(stateDir, 'registry.yaml');
    await writeFile(configFile, stringify(registryConfig(wanted)));
    // Without this the registry looks for a collector of traces.
    const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' };
    processes.registry = await startDetached(join(wanted.site, 'bin', 'registry'), ['serve', configFile], {
      logFile,
      env,
    });
    await writeRecord(stateDir, { ...wanted, processes });
    await waitUntilAnswering(wanted.filesUrl, processes.files, logFile);
    await waitUntilAnswering(registryUrl(wanted), processes.registry, logFile);
  } catch (error) {
    await stopRecorded(stateDir);
    throw error;
  }
}

/** Read-only: the directory is in the cache, and every later lab serves the same one. */
export function registryConfig({ registry, site }: { registry: string; site: string }): object {
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

async function statusOf(record: MirrorRecord): Promise<{ files: boolean; registry: boolean }> {
  const isUp = async (identity: ProcessId | undefined, url: string) =>
    identity !== undefined && (await alive(identity)) && (await answers(url));
  const [files, registry] = await Promise.all([
    isUp(record.processes.files, record.filesUrl),
    isUp(record.processes.registry, registryUrl(record)),
  ]);
  return { files, registry };
}

function isSame(running: MirrorRecord, wanted: Omit<MirrorRecord, 'processes'>): boolean {
  return running.filesUrl === wanted.filesUrl && running.registry === wanted.registry && running.site === wanted.site;
}

function allTrue({ files, registry }: { files: boolean; registry: boolean }): boolean {
  return files && registry;
}

function registryUrl({ registry }: { registry: string }): string {
  return `http://${registry}/v2/`;
}

function exclusively<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  return withLock(`mirror-${keyOf(resolve(stateDir))}`, () => undefined, work);
}
