import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { removalOf, ruleFilter } from './firewall-rules.js';

/** Links by their names: of the bridge plugin, of flannel's backends, of kube-proxy with ipvs. */
const links = ['cni0', 'flannel.1', 'flannel-v6.1', 'flannel-wg', 'flannel-wg-v6', 'kube-ipvs0', 'nodelocaldns'];
const nftTables = [
  ['ip', 'kube-proxy'],
  ['ip6', 'kube-proxy'],
  ['ip', 'flannel-ipv4'],
  ['ip6', 'flannel-ipv6'],
] as const;
/** The plain name is one of the two others where these exist: then it has nothing left to do. */
const tools = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy', 'iptables', 'ip6tables'];
const own = 'KUBE|CNI|FLANNEL';

/**
 * What pods and Services leave in the kernel: rules and chains, sets, links, network namespaces. By name, so that the rules
 * of others stay. The kubelet and all pods must have ended: they would make them anew.
 */
export const removePodNetwork = defineStep<Record<string, never>>({
  kind: 'reset.pod-network',
  title: () => "Remove the pods' network: links, namespaces, firewall rules",
  async precheck(ctx) {
    const left = await leftOf(ctx);
    return left.length === 0 ? satisfied('nothing is left') : needed(summary(left));
  },
  async run(ctx) {
    const { host, signal } = ctx;
    await removeLinks(ctx);
    for (const tool of tools) await removeRules(ctx, tool);
    await host.run(
      sh`if command -v nft > /dev/null; then for t in ${nftTables.map((words) => words.join(' '))}; do nft list table $t > /dev/null 2>&1 && nft delete table $t; done; fi
if command -v ipset > /dev/null; then for s in $(ipset list -n 2> /dev/null | grep '^KUBE-'); do ipset destroy "$s" || exit 1; done; fi
true`,
      { signal },
    );
    const left = await leftOf(ctx);
    if (left.length === 0) return;
    throw new KubexmError('COMMAND_FAILED', `${host.name}: what pods left in the kernel cannot be removed`, {
      details: left.slice(0, 10),
      hint: `on ${host.name}: see what holds it, then run the same command again; a reboot clears all of it`,
    });
  },
});

async function removeLinks({ host, signal }: StepContext): Promise<void> {
  // Virtual services outlive the link that their addresses are on.
  const command = sh`[ ! -e /sys/class/net/kube-ipvs0 ] || ! command -v ipvsadm > /dev/null || ipvsadm --clear
if [ -e /sys/class/net/cni0 ]; then for port in /sys/class/net/cni0/brif/*; do [ ! -e "$port" ] || ip link delete "$(basename "$port")"; done; fi
for link in ${links}; do [ ! -e "/sys/class/net/$link" ] || ip link delete "$link" || exit 1; done
for name in $(ls /run/netns 2> /dev/null | grep '^cni-'); do ip netns delete "$name" || exit 1; done
true`;
  await host.run(command, { signal });
}

async function removeRules({ host, signal }: StepContext, tool: string): Promise<void> {
  const { stdout } = await host.run(
    sh`command -v ${tool}-save > /dev/null && ${tool}-save 2> /dev/null | grep -E -e ${ruleFilter}; true`,
    { signal },
  );
  const removal = removalOf(stdout);
  // One transaction a table: no packet meets half a table.
  if (removal !== '') await host.run(sh`${tool}-restore --noflush`, { stdin: removal, signal });
}

/** One line for each thing that is left. */
async function leftOf({ host, signal }: StepContext): Promise<readonly string[]> {
  const { stdout } = await host.run(
    sh`for link in ${links}; do [ ! -e "/sys/class/net/$link" ] || echo "link $link"; done
ls /run/netns 2> /dev/null | sed -n 's/^cni-/namespace cni-/p'
for tool in ${tools}; do command -v $tool-save > /dev/null && $tool-save 2> /dev/null | grep -E -e ${`^:(${own})-|-[jg] (${own})-`} | sed "s/^/$tool /"; done
if command -v nft > /dev/null; then for t in ${nftTables.map((words) => words.join(' '))}; do nft list table $t > /dev/null 2>&1 && echo "table $t"; done; fi
if command -v ipset > /dev/null; then ipset list -n 2> /dev/null | sed -n 's/^KUBE-/set KUBE-/p'; fi
true`,
    { signal },
  );
  return stdout.split('\n').filter((line) => line !== '');
}

function summary(left: readonly string[]): string {
  const kinds = ['link', 'namespace', 'table', 'set'];
  const counts = new Map<string, number>();
  for (const line of left) {
    const [word = ''] = line.split(' ', 1);
    const kind = kinds.includes(word) ? word : 'firewall rule';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`).join(', ');
}
