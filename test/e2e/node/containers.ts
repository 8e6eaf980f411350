import type { ScenarioTools } from '../harness/tools.js';

/** Every running container of a host: its id and when it was made. */
export async function runningContainers(t: ScenarioTools, host: string): Promise<ReadonlyMap<string, string>> {
  const { containers } = JSON.parse(await t.onHost(host, 'crictl ps -o json')) as {
    containers: { id: string; createdAt: string; metadata: { name: string } }[];
  };
  return new Map(containers.map(({ id, createdAt, metadata }) => [id, `${metadata.name} ${createdAt}`]));
}

/** When a service began to run, in microseconds since the boot of the machine, which all lab hosts share. */
export async function runsSince(t: ScenarioTools, host: string, service: string): Promise<number> {
  const shown = await t.onHost(host, `systemctl show -p ActiveEnterTimestampMonotonic --value ${service}`);
  return Number(shown.trim());
}
