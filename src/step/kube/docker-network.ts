import { sh } from '../../runner/index.js';
import { defineStep, needed, satisfied } from '../define.js';

/** The bridge and the rules that docker leaves in the kernel when it goes. The daemon must not run. */
export const removeDockerNetwork = defineStep<Record<string, never>>({
  kind: 'cri.remove-docker-network',
  title: () => "Remove docker's bridge and firewall rules",
  async precheck({ host, signal }) {
    const { stdout } = await host.run(
      sh`[ ! -e /sys/class/net/docker0 ] || echo bridge
command -v iptables > /dev/null || exit 0
for table in raw filter nat; do iptables -w -t $table -S | grep -E 'DOCKER|docker0' || :; done`,
      { signal },
    );
    const lines = stdout.split('\n').filter(Boolean);
    return lines.length === 0 ? satisfied('nothing is left') : needed(`${lines.length} rules and links are left`);
  },
  async run({ host, signal }) {
    const command = sh`if command -v iptables > /dev/null; then
  for table in raw filter nat; do
    iptables -w -t $table -S | grep -E '^-A .*(DOCKER|docker0)' | sed 's/^-A/-D/' | while read -r rule; do eval "iptables -w -t $table $rule" || :; done
    for chain in $(iptables -w -t $table -S | sed -n 's/^-N \\(DOCKER[^ ]*\\)$/\\1/p'); do iptables -w -t $table -F "$chain"; done
    for chain in $(iptables -w -t $table -S | sed -n 's/^-N \\(DOCKER[^ ]*\\)$/\\1/p'); do iptables -w -t $table -X "$chain"; done
  done
fi
[ ! -e /sys/class/net/docker0 ] || ip link delete docker0`;
    await host.run(command, { signal });
  },
});
