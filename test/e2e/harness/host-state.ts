import type { ScenarioTools } from './tools.js';

/** What must not change on a host on which there is nothing to do: a line for each file, service and container. */
export type HostState = ReadonlyMap<string, string>;

const script = `
set -eu
for path in /etc /usr/local /opt /var/lib/kubexm /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env; do
  [ -e "$path" ] || continue
  find "$path" -type f -printf 'file %p\\t%T@ %m %U:%G\\n'
  find "$path" -type l -printf 'link %p\\t%l\\n'
  find "$path" -type f -exec sha256sum {} + | sed -E 's/^\\\\?([0-9a-f]+)  (.*)$/sha256 \\2\\t\\1/'
done
systemctl list-units --type=service --state=running --no-legend --plain | while read -r unit rest; do
  case $unit in user@*) continue ;; esac
  printf 'service %s\\t%s\\n' "$unit" "$(systemctl show -p MainPID --value "$unit")"
done
if command -v crictl >/dev/null; then
  crictl ps -q | sed 's/^/container /; s/$/\\tthere/'
  crictl pods -q | sed 's/^/pod /; s/$/\\tthere/'
fi
`;

/** Checksums, times and owners of files, main processes of services, ids of containers and pods, for each host. */
export async function hostStates(t: ScenarioTools): Promise<ReadonlyMap<string, HostState>> {
  const entries = t.hostNames.map(async (name) => {
    const lines = (await t.onHost(name, script)).trimEnd().split('\n');
    return [name, new Map(lines.map((line) => line.split('\t', 2) as [string, string]))] as const;
  });
  return new Map(await Promise.all(entries));
}

/** One line for each difference, the host's name first. */
export function differences(before: ReadonlyMap<string, HostState>, after: ReadonlyMap<string, HostState>): string[] {
  return [...before].flatMap(([host, old]) => {
    const now = after.get(host) ?? new Map<string, string>();
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((key) => old.get(key) !== now.get(key))
      .map((key) => `${host}: ${key}: ${old.get(key) ?? 'absent'} → ${now.get(key) ?? 'absent'}`);
  });
}
