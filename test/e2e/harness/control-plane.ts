import type { ScenarioTools } from './tools.js';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** What each host's static pods run as. */
export async function commandLines(t: ScenarioTools, hosts: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const lines = hosts.map(async (host) => {
    const script = components.map((name) => `pgrep -a -x ${name.slice(0, 15)} | cut -d' ' -f2-`).join('; ');
    return [host, await t.onHost(host, script)] as const;
  });
  return new Map(await Promise.all(lines));
}
