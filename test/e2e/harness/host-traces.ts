import type { ScenarioTools } from './tools.js';

/**
 * All that an installation could leave on a host: a line for each thing, sorted. Files outside of logs and caches, units,
 * users, mounts, links, rules, and the kernel parameters that a host has for itself. Not: the mode of the lab's mount for
 * containerd, and that the network was waited for.
 */
const script = `
export LC_ALL=C
pruned='-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/systemd'
find / -xdev \\( $pruned \\) -prune -o -printf '%y %p %m %U:%G %l\\n' | grep -vE '^d /(proc|sys|dev|run|tmp|var/lib/containerd) '
find /etc /usr/local /opt /root /var/lib -xdev -path /var/lib/systemd -prune -o -type f -print0 | xargs -0 -r sha256sum | sed 's/^/content /'
systemctl list-unit-files --no-legend --plain | awk '{ print "unit-file", $1, $2 }'
systemctl list-units --all --no-legend --plain | awk '$1 !~ /^(session-|user|run-|dev-|sys-|proc-|systemd-(tmpfiles|logrotate|hostnamed|timedated)|network-online[.]target)/ { print "unit", $1, $2, $3 }'
systemctl is-failed '*' > /dev/null && systemctl list-units --failed --no-legend --plain | sed 's/^/failed /'
getent passwd | sed 's/^/user /'; getent group | sed 's/^/group /'
awk '$5 !~ "^/(proc|sys|run/(user|credentials))" { print "mount", $5 }' /proc/self/mountinfo
for l in /sys/class/net/*; do echo "link \${l##*/}"; done
ls /run/netns 2>/dev/null | sed 's/^/namespace /'
ip -4 route show table all | sed 's/^/route /'
ip rule | sed 's/^/rule /'
for tool in iptables ip6tables iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
  command -v $tool-save >/dev/null && $tool-save 2>/dev/null | grep -E '^(:[^ ]+ -|:[^ ]+ DROP|-A)' | sed 's/ \\[[0-9:]*\\]$//' | sed "s/^/$tool /"
done
command -v nft >/dev/null && nft list tables | grep -vE ' (filter|nat|mangle|raw|security)$' | sed 's/^/nft /'
command -v ipset >/dev/null && ipset list -n 2>/dev/null | sed 's/^/set /'
echo "hostname $(cat /proc/sys/kernel/hostname)"
sed 1d /proc/swaps | sed 's/^/swap /'
sysctl -a 2>/dev/null | grep '^net[.]' | grep -vE '^net[.](ipv[46][.](conf|neigh)[.](cni|flannel|veth)|netfilter[.]nf_conntrack_count)' | sed 's/^/sysctl /'
true
`;

/** Lines by host. */
export async function hostTraces(t: ScenarioTools): Promise<ReadonlyMap<string, readonly string[]>> {
  const entries = t.hostNames.map(async (name) => {
    const text = await t.onHost(name, script);
    return [name, [...new Set(text.trimEnd().split('\n'))].sort()] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * What is otherwise than before: `host: + line` or `host: - line`. Kernel parameters that came with a module which was loaded
 * meanwhile say nothing: hosts of the lab share their kernel.
 */
export function tracesLeft(
  before: ReadonlyMap<string, readonly string[]>,
  after: ReadonlyMap<string, readonly string[]>,
): string[] {
  return [...before].flatMap(([host, old]) => {
    const now = after.get(host) ?? [];
    const [was, is] = [new Set(old), new Set(now)];
    const parameters = new Set(old.filter((line) => line.startsWith('sysctl ')).map(parameterOf));
    const known = (line: string) => !line.startsWith('sysctl ') || parameters.has(parameterOf(line));
    return [
      ...now.filter((line) => !was.has(line) && known(line)).map((line) => `${host}: + ${line}`),
      ...old.filter((line) => !is.has(line)).map((line) => `${host}: - ${line}`),
    ];
  });
}

function parameterOf(line: string): string {
  return line.split(' ')[1] ?? '';
}
