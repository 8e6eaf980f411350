import type { HostFacts } from '../../runner/index.js';

/** What a check found. `error` stops before anything changes; `fix` is what to do about it. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly fix?: string;
}

/** What a host must be able to do; planned from the config and from what all hosts said about themselves. */
export interface HostRequirements {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly commands: readonly string[];
  /** Ports that must be free; `owner` is the program of an installation of kubexm's own that may hold it. */
  readonly ports: readonly { readonly port: number; readonly owner: string; readonly purpose: string }[];
  readonly kubelet: boolean;
  readonly etcd: boolean;
  /** The kubelet of this minor version refuses cgroup v1 unless its config says otherwise. */
  readonly cgroupV1: 'fine' | 'refused';
  /** Other hosts that say the same of themselves. */
  readonly sameHostname: readonly string[];
  readonly sameMachineId: readonly string[];
  readonly sameProductUuid: readonly string[];
  /** Median of all hosts' clocks minus the control machine's, in whole seconds. */
  readonly medianClockSkewSeconds: number;
  /** MTU that most hosts have on the interface of their cluster address. */
  readonly mtu?: number;
  readonly internalAddress: string;
}

/** Smallest kernel that containerd, overlayfs and the systemd cgroup driver are known to work with: that of RHEL 8. */
const leastKernel = [4, 18] as const;

/** Pure: the checks on what a host says about itself. */
export function factFindings(facts: HostFacts, needs: HostRequirements): Finding[] {
  return [
    ...systemFindings(facts, needs),
    ...resourceFindings(facts, needs),
    ...identityFindings(facts, needs),
    ...networkFindings(facts, needs),
  ];
}

function systemFindings(facts: HostFacts, needs: HostRequirements): Finding[] {
  const findings: Finding[] = [];
  const error = (message: string, fix: string) => findings.push({ severity: 'error', message, fix });
  const warning = (message: string, fix: string) => findings.push({ severity: 'warning', message, fix });
  if (facts.initSystem !== 'systemd') error('systemd does not run here', 'use a distribution with systemd as init');
  const [major = 0, minor = 0] = facts.kernel.split('.').map(Number);
  if (major < leastKernel[0] || (major === leastKernel[0] && minor < leastKernel[1]))
    error(`kernel ${facts.kernel} is too old`, `install kernel ${leastKernel.join('.')} or newer`);
  const missing = needs.commands.filter((command) => !facts.commands.includes(command));
  if (missing.length > 0) {
    const install =
      facts.packageManager === undefined
        ? 'install them'
        : `${facts.packageManager === 'apt' ? 'apt-get' : facts.packageManager} install ${missing.map((command) => packageOf(command, facts)).join(' ')}`;
    error(`missing commands: ${missing.join(', ')}`, `${install}, or name the packages in spec.system.packages`);
  }
  if (facts.selinux === 'enforcing')
    warning(
      'SELinux is enforcing',
      'setenforce 0, or load container-selinux and label /var/lib/containerd and /var/lib/kubelet',
    );
  if (facts.firewall !== 'none')
    warning(`${facts.firewall} is active`, 'open the ports of the roles between the hosts, or stop it');
  if (needs.kubelet && facts.cgroup === 'v1' && needs.cgroupV1 === 'refused')
    error(
      'the host has cgroup v1, which this kubelet refuses',
      'boot with systemd.unified_cgroup_hierarchy=1, or set kubelet.extraConfig.failCgroupV1 to false',
    );
  return findings;
}

function resourceFindings(facts: HostFacts, needs: HostRequirements): Finding[] {
  const findings: Finding[] = [];
  if (facts.cpus < needs.cpus)
    findings.push({
      severity: 'error',
      message: `${facts.cpus} CPUs, ${needs.cpus} are needed`,
      fix: 'give the host more CPUs',
    });
  if (facts.memoryBytes < needs.memoryBytes)
    findings.push({
      severity: 'error',
      message: `${mib(facts.memoryBytes)} MiB of memory, ${mib(needs.memoryBytes)} are needed`,
      fix: 'give the host more memory',
    });
  return findings;
}

function identityFindings(facts: HostFacts, needs: HostRequirements): Finding[] {
  const findings: Finding[] = [];
  if (needs.sameMachineId.length > 0)
    findings.push({
      severity: 'error',
      message: `machine-id is the same as on ${needs.sameMachineId.join(', ')}`,
      fix: 'rm /etc/machine-id && systemd-machine-id-setup, then reboot (cloned machines)',
    });
  if (needs.sameProductUuid.length > 0)
    findings.push({
      severity: 'warning',
      message: `product_uuid is the same as on ${needs.sameProductUuid.join(', ')}`,
      fix: 'give cloned virtual machines an UUID of their own',
    });
  if (needs.sameHostname.length > 0)
    findings.push({
      severity: 'warning',
      message: `hostname is the same as on ${needs.sameHostname.join(', ')}`,
      fix: 'kubexm sets it to the name of the host in the cluster file',
    });
  const skew = Math.abs(facts.clockSkewMs / 1000 - needs.medianClockSkewSeconds);
  if (skew > 30 && needs.etcd)
    findings.push({
      severity: 'error',
      message: `the clock is ${skew.toFixed(0)} s away from the other hosts'`,
      fix: 'start a time service: systemctl enable --now chrony',
    });
  else if (skew > 2)
    findings.push({
      severity: 'warning',
      message: `the clock is ${skew.toFixed(1)} s away from the other hosts'`,
      fix: 'start a time service: systemctl enable --now chrony',
    });
  return findings;
}

function networkFindings(facts: HostFacts, needs: HostRequirements): Finding[] {
  const findings: Finding[] = [];
  const own = facts.ipv4.find((each) => each.address === needs.internalAddress);
  if (!own)
    findings.push({
      severity: 'error',
      message: `no interface has the address ${needs.internalAddress}`,
      fix: `set internalAddress to one of ${facts.ipv4
        .map((each) => each.address)
        .filter((address) => address !== '127.0.0.1')
        .join(', ')}`,
    });
  else if (needs.mtu !== undefined && own.mtu !== needs.mtu)
    findings.push({
      severity: 'warning',
      message: `MTU of ${own.interface} is ${own.mtu}, most hosts have ${needs.mtu}`,
      fix: 'use one MTU for the whole cluster',
    });
  if (needs.kubelet && facts.resolvConf.length === 0)
    findings.push({
      severity: 'error',
      message: '/etc/resolv.conf names no server; CoreDNS refuses to start',
      fix: 'enter a nameserver',
    });
  for (const { port, owner, purpose } of needs.ports) {
    const holder = facts.listening.find((each) => each.port === port);
    if (holder && !(owner.startsWith(holder.process) && holder.process !== ''))
      findings.push({
        severity: 'error',
        message: `port ${port} (${purpose}) is taken by ${holder.process || 'another process'} at ${holder.address}`,
        fix: `stop it: ss -ltnp 'sport = :${port}' shows the process`,
      });
  }
  return findings;
}

/** Packages that are not named like their command: Debian's name, then that of the others. */
const packages: Readonly<Record<string, readonly [string, string]>> = {
  conntrack: ['conntrack', 'conntrack-tools'],
  ip: ['iproute2', 'iproute'],
  modprobe: ['kmod', 'kmod'],
  mount: ['mount', 'util-linux'],
  sysctl: ['procps', 'procps-ng'],
  systemctl: ['systemd', 'systemd'],
};

function packageOf(command: string, { packageManager }: HostFacts): string {
  const [debian, others] = packages[command] ?? [command, command];
  return packageManager === 'apt' ? debian : others;
}

function mib(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}
