import { KubexmError } from '../../src/errors/index.js';
import { type PlannedHost, plannedHost } from './address-plan.js';
import { mustFindInit } from './exec.js';
import { cutPower, discardDisk, startHost } from './host.js';
import { type LinkShape, shapeLink } from './network.js';
import { locked, readRecord } from './record.js';

/** A freshly installed host with the same name, address, machine-id and host keys. */
export async function resetLabHost(name: string): Promise<void> {
  await locked(name, async () => {
    await cutPower(name);
    await discardDisk(name);
    await startHost(await member(name));
  });
}

/** As if the power were cut. startLabHost switches it on again, with its disk. */
export async function killLabHost(name: string): Promise<void> {
  await locked(name, async () => cutPower((await member(name)).name));
}

export async function startLabHost(name: string): Promise<void> {
  await locked(name, async () => startHost(await member(name)));
}

/** Slows a host's link down or cuts it; undefined makes it whole again. A reset or a start does so too. */
export async function shapeLabHost(name: string, shape: LinkShape | undefined): Promise<void> {
  await shapeLink({ name, init: await mustFindInit(name), shape: shape ?? {} });
}

async function member(name: string): Promise<PlannedHost> {
  const host = (await readRecord())?.hosts.includes(name) ? plannedHost(name) : undefined;
  if (!host) throw new KubexmError('USAGE', `the lab has no host named ${name}`, { hint: 'kubexm lab status' });
  return host;
}
