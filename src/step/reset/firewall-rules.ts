/** Chains that kube-proxy, the kubelet, CNI plugins and flannel make, by their names. */
const ours = '(KUBE|CNI|FLANNEL)-';

/** For grep -E on the output of iptables-save: tables, our chains, and the rules of others' chains that lead into ours. */
export const ruleFilter = `^[*]|^:${ours}|^-A [^ ]+ (.* )?-[jg] ${ours}`;

/**
 * What iptables-restore --noflush takes to remove our chains and what leads into them, from lines that `ruleFilter` let
 * through; rules of other people stay. Empty: there is nothing of ours.
 */
export function removalOf(lines: string): string {
  const tables: string[] = [];
  let table = '';
  let jumps: string[] = [];
  let chains: string[] = [];
  const close = () => {
    if (jumps.length + chains.length > 0) {
      const flushed = chains.map((chain) => `-F ${chain}`);
      const removed = chains.map((chain) => `-X ${chain}`);
      tables.push([table, ...jumps, ...flushed, ...removed, 'COMMIT', ''].join('\n'));
    }
    jumps = [];
    chains = [];
  };
  for (const line of lines.split('\n')) {
    const chain = /^:(\S+)/.exec(line)?.[1];
    if (line.startsWith('*')) {
      close();
      table = line.trim();
    } else if (chain !== undefined) chains.push(chain);
    // Those of our own chains go with their chain.
    else if (line.startsWith('-A ') && !new RegExp(`^-A ${ours}`).test(line)) jumps.push(`-D${line.slice(2)}`);
  }
  close();
  return tables.join('');
}
