import { rm, writeFile } from 'node:fs/promises';
import { asError, KubexmError } from '../../src/errors/index.js';
import { type LabClusterOptions, labClusterYaml, type SpecOverrides } from '../cluster-yaml.js';
import {
  aptSource,
  buildMirror,
  type ComponentVersion,
  extendMirror,
  type MirrorAddress,
  type MirrorStatus,
  type MirrorVersions,
  mirrorStatus,
  mirrorVersions,
  type PrivateRegistry,
  privateRegistry,
  startMirror,
  stopMirror,
} from '../mirror/index.js';
import { labNetwork, type PlannedHost, planHosts, plannedHost } from './address-plan.js';
import { hostsWithCgroups } from './cgroups.js';
import { findInit } from './exec.js';
import { cutPower, startHost } from './host.js';
import { loadMachineModules } from './kernel.js';
import { writeLayer } from './layer.js';
import { ensureBridge, removeBridge } from './network.js';
import { stateDir, statePaths } from './paths.js';
import { bootId } from './process-id.js';
import { ensureLabReady } from './ready.js';
import { opsPassword } from './recipe.js';
import { locked, readRecord, removeHostLocks, writeRecord } from './record.js';
import { ensureRootfs, pruneRootfs } from './rootfs.js';
import { ensureLabKey, hostKeyOf } from './ssh-keys.js';
import { readSysctls, restoreSysctls } from './sysctls.js';

type Log = (line: string) => void;

export interface LabHost extends PlannedHost {
  /** `ssh-ed25519 AAAA…`, the same over down and up. */
  readonly hostKey: string;
}

export interface LabState {
  readonly stateDir: string;
  readonly hosts: readonly LabHost[];
  readonly privateKeyPath: string;
  readonly sudoPasswordPath: string;
  readonly clusterYamlPath: string;
  readonly mirror: MirrorAddress;
  readonly privateRegistry: PrivateRegistry;
}

export interface LabStatus {
  /** False: there is no lab. */
  readonly up: boolean;
  readonly hosts: readonly (LabHost & { readonly running: boolean })[];
  readonly mirror: MirrorStatus;
}

const mirrorAddress: MirrorAddress = {
  filesUrl: `http://${labNetwork.gateway}:8080`,
  registry: `${labNetwork.gateway}:5000`,
  privateRegistry: `${labNetwork.gateway}:5443`,
};

/** Hosts, mirror and cluster.yaml. What runs already stays as it is; more hosts than before are added to it. Never fewer. */
export async function labUp({ hosts, log }: { hosts: number; log: Log }): Promise<LabState> {
  planHosts(hosts);
  await ensureLabReady({ log });
  return locked('lab', async () => {
    const before = await readRecord();
    const planned = planHosts(Math.max(hosts, before?.hosts.length ?? 0));
    const names = planned.map((host) => host.name);
    await writeRecord({
      bootId: await bootId(),
      startedAt: before?.startedAt ?? new Date().toISOString(),
      sysctls: before?.sysctls ?? (await readSysctls()),
      hosts: names,
    });
    await ensureBridge();
    // Both are told to finish before a failure of one is reported: no work goes on behind the caller's back.
    const results = await Promise.allSettled([bootHosts(planned, log), provideMirror(log)]);
    for (const result of results) if (result.status === 'rejected') throw asError(result.reason);
    const state = await labState();
    await writeFile(statePaths.clusterYaml, labClusterYaml(clusterDefaults(state.hosts)));
    log(`lab is up: ${names.join(' ')}; ${statePaths.clusterYaml}`);
    return state;
  });
}

/**
 * Makes the mirror offer versions that it has not by itself (`onDemand` of its catalogue). Minutes when they are built for the first time, nothing
 * when it has them already. The mirror of a running lab goes on serving meanwhile.
 */
export async function ensureMirrored(wanted: readonly ComponentVersion[], { log }: { log: Log }): Promise<void> {
  await extendMirror(wanted, { log });
  if (await readRecord()) await serveMirror(log);
}

/** Where everything of the running lab is. */
export async function labState(): Promise<LabState> {
  const record = await readRecord();
  if (!record) throw new KubexmError('LAB_FAILED', 'there is no lab', { hint: 'kubexm lab up' });
  return {
    stateDir,
    hosts: await Promise.all(record.hosts.map(describe)),
    privateKeyPath: statePaths.privateKey,
    sudoPasswordPath: statePaths.sudoPassword,
    clusterYamlPath: statePaths.clusterYaml,
    mirror: mirrorAddress,
    privateRegistry: privateRegistry(mirrorAddress.privateRegistry, statePaths.mirror),
  };
}

export async function labStatus(): Promise<LabStatus> {
  const names = (await readRecord())?.hosts ?? [];
  const hosts = names.map(async (name) => ({
    ...(await describe(name)),
    running: (await findInit(name)) !== undefined,
  }));
  return {
    up: names.length > 0,
    hosts: await Promise.all(hosts),
    mirror: await mirrorStatus({ stateDir: statePaths.mirror }),
  };
}

/** Ends and removes everything of the lab, also of one whose `up` was killed. Goes on after a failure and reports the first. */
export async function labDown({ log }: { log: Log }): Promise<void> {
  await locked('lab', async () => {
    const record = await readRecord();
    const names = [...new Set([...(record?.hosts ?? []), ...(await hostsWithCgroups())])];
    const failures: Error[] = [];
    const attempt = async (work: Promise<unknown>) => {
      await work.catch((error: unknown) => failures.push(asError(error)));
    };
    await Promise.all(names.map((name) => attempt(cutPower(name))));
    await attempt(stopMirror({ stateDir: statePaths.mirror }));
    await attempt(removeBridge());
    for (const line of record ? await restoreSysctls(record.sysctls) : []) log(line);
    // Hosts that were reset lately may still be being deleted: what vanishes meanwhile is no failure, a second pass takes the rest.
    await attempt(rm(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    await attempt(removeHostLocks());
    const [failure] = failures;
    if (failure) throw failure;
    log(names.length > 0 ? `lab is down: ${names.join(' ')}` : 'there was no lab; nothing is left');
  });
}

export type LabTopology = Pick<LabClusterOptions, 'name' | 'controlPlanes' | 'etcd' | 'workers' | 'login'> & {
  /** Names of the hosts to use, in order; default all. */
  readonly use?: readonly string[];
  /** Others than the default ones; the mirror must have them: ensureMirrored. */
  readonly versions?: Partial<MirrorVersions>;
  /** open (default): plain HTTP. private: the same images over TLS of a private CA, with a login. */
  readonly registry?: 'open' | 'private';
  readonly overrides?: SpecOverrides;
};

/** The text of a cluster.yaml for the running lab. */
export async function labClusterConfig(topology: LabTopology = {}): Promise<string> {
  const { use, versions, registry, ...others } = topology;
  const { hosts, privateRegistry: closed } = await labState();
  // In front of several control planes, on every worker.
  if ((topology.controlPlanes ?? 1) > 1)
    await ensureMirrored([{ component: 'haproxy', version: '3.0.11' }], { log: () => undefined });
  const defaults = clusterDefaults(use ? use.map((name) => mustFind(hosts, name)) : hosts);
  return labClusterYaml({
    ...defaults,
    versions: { ...defaults.versions, ...versions },
    ...(registry === 'private' ? { privateRegistry: closed } : {}),
    ...others,
  });
}

function mustFind(hosts: readonly LabHost[], name: string): LabHost {
  const host = hosts.find((candidate) => candidate.name === name);
  if (!host) throw new KubexmError('USAGE', `the lab has no host named ${name}`, { hint: 'kubexm lab status' });
  return host;
}

function clusterDefaults(hosts: readonly LabHost[]): LabClusterOptions {
  return {
    hosts,
    privateKeyPath: statePaths.privateKey,
    sudoPasswordPath: statePaths.sudoPassword,
    versions: mirrorVersions(),
    mirror: mirrorAddress,
  };
}

async function bootHosts(planned: readonly PlannedHost[], log: Log): Promise<void> {
  const rootfs = await ensureRootfs({ log });
  await loadMachineModules();
  await ensureLabKey();
  await writeFile(statePaths.sudoPassword, `${opsPassword}\n`, { mode: 0o600 });
  // The layer must not change below hosts that run on it.
  const inUse = (await Promise.all(planned.map((host) => findInit(host.name)))).some((init) => init !== undefined);
  if (!inUse) {
    await pruneRootfs({ keep: rootfs });
    await writeLayer({ rootfs, aptSource: aptSource(mirrorAddress) });
  }
  await Promise.all(
    planned.map(async (host) => {
      const started = performance.now();
      const wasRunning = (await findInit(host.name)) !== undefined;
      await startHost(host);
      log(
        `${host.name} ${host.address} ${wasRunning ? 'runs already' : `booted in ${((performance.now() - started) / 1000).toFixed(1)} s`}`,
      );
    }),
  );
}

async function provideMirror(log: Log): Promise<void> {
  await buildMirror({ log });
  await serveMirror(log);
}

async function serveMirror(log: Log): Promise<void> {
  await startMirror({ listenAddress: labNetwork.gateway, stateDir: statePaths.mirror, log });
}

async function describe(name: string): Promise<LabHost> {
  return { ...plannedHost(name), hostKey: await hostKeyOf(name) };
}
