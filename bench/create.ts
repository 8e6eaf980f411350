import { labClusterConfig, labState, labUp, resetLabHost } from '../lab/index.js';

/** What scripts/bench.mjs needs of the lab for the race between the script and kubexm. */
export const lab = {
  async addresses(count: number, log: (line: string) => void): Promise<readonly string[]> {
    await labUp({ hosts: count, log });
    return (await labState()).hosts.slice(0, count).map(({ address }) => address);
  },
  async reset(count: number): Promise<void> {
    const { hosts } = await labState();
    await Promise.all(hosts.slice(0, count).map(({ name }) => resetLabHost(name)));
  },
  async clusterYaml(count: number): Promise<string> {
    const { hosts } = await labState();
    return labClusterConfig({ controlPlanes: 1, use: hosts.slice(0, count).map(({ name }) => name) });
  },
};
