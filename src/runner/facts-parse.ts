import { KubexmError } from '../errors/index.js';
import { sectionMark } from './facts-script.js';
import { parseProcNetTcp, parseSs } from './listening.js';
import type { HostFacts, PackageManager } from './types.js';

/** When the script was sent and when its answer had come, in ms since the epoch on the control machine. */
export interface FactsContext {
  readonly host: string;
  readonly sudo: HostFacts['sudo'];
  readonly sentAt: number;
  readonly receivedAt: number;
}

type Sections = ReadonlyMap<string, string>;

/** Facts from the output of the facts script. What kubexm cannot do without must be there, else it throws. */
export function parseFacts(output: string, { host, sudo, sentAt, receivedAt }: FactsContext): HostFacts {
  const sections = sectionsOf(output);
  if (!sections.has('end')) throw unclear(host, 'the answer was cut off');
  const value = (name: string): string => sections.get(name)?.trim() ?? '';
  const required = (name: string): string => {
    if (value(name) === '') throw unclear(host, `it does not tell its ${name}`);
    return value(name);
  };
  const number = (name: string, text: string | undefined): number => {
    const parsed = Number(text);
    if (text === undefined || !Number.isFinite(parsed) || parsed <= 0)
      throw unclear(host, `its ${name} is ${text ?? 'unknown'}`);
    return parsed;
  };
  const hostBefore = number('time', required('time')) / 1e6;
  const hostAfter = number('time', required('time-end')) / 1e6;
  const mtus = new Map(rows(value('mtu')).map(([name = '', mtu]): [string, number] => [name, Number(mtu)]));
  return {
    hostname: required('hostname'),
    os: osOf(required('os'), host),
    arch: archOf(required('arch'), host),
    kernel: required('kernel'),
    cgroup: value('cgroup') === 'cgroup2fs' ? 'v2' : 'v1',
    cpus: number('cpus', required('cpus')),
    memoryBytes: number('memory', rows(required('memory'))[0]?.[1]) * 1024,
    swap: value('swap').split('\n').length > 1,
    machineId: value('machine-id'),
    productUuid: value('product-uuid').toLowerCase(),
    packageManager: packageManagerOf(value('packages')),
    initSystem: value('init') === 'systemd' ? 'systemd' : 'other',
    selinux: selinuxOf(value('selinux')),
    firewall: firewallOf(value('firewalld'), value('ufw')),
    ipv4: addressesOf(value('addresses'), mtus),
    defaultInterface: / dev (\S+)/.exec(value('route'))?.[1],
    // As NTP does it: the middle between both ends of the exchange.
    clockSkewMs: Math.round((hostBefore - sentAt + (hostAfter - receivedAt)) / 2),
    ...disksOf(value('disks'), host),
    listening: value('listening') === '' ? parseProcNetTcp(value('tcp')) : parseSs(value('listening')),
    commands: value('commands').split('\n').filter(Boolean),
    leftovers: value('leftovers').split('\n').filter(Boolean),
    sudo,
    resolvConf: rows(value('resolv')).flatMap(([key, address]) => (key === 'nameserver' && address ? [address] : [])),
    sshMaxSessions: numberOrUndefined(rows(value('sshd'))[0]?.[1]),
  };
}

function sectionsOf(output: string): Sections {
  const sections = new Map<string, string>();
  for (const part of output.split(new RegExp(`^${sectionMark}`, 'm')).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end === -1 ? undefined : end), end === -1 ? '' : part.slice(end + 1));
  }
  return sections;
}

function osOf(text: string, host: string): HostFacts['os'] {
  const values = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, key, value] = /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line.trim()) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
  const id = values.get('ID');
  if (id === undefined) throw unclear(host, 'its os-release has no ID');
  return {
    id,
    idLike: values.get('ID_LIKE')?.split(' ') ?? [],
    version: values.get('VERSION_ID') ?? '',
    name: values.get('PRETTY_NAME') ?? id,
  };
}

function archOf(machine: string, host: string): HostFacts['arch'] {
  switch (machine) {
    case 'x86_64':
      return 'amd64';
    case 'aarch64':
    case 'arm64':
      return 'arm64';
    default:
      throw new KubexmError(
        'HOST_UNSUPPORTED',
        `${host} has the architecture ${machine}; amd64 and arm64 are supported`,
        {
          retryable: false,
        },
      );
  }
}

function packageManagerOf(paths: string): PackageManager | undefined {
  const names = paths.split('\n').map((path) => path.slice(path.lastIndexOf('/') + 1));
  if (names.includes('apt-get')) return 'apt';
  return (['dnf', 'yum', 'zypper'] as const).find((name) => names.includes(name));
}

function selinuxOf(enforce: string): HostFacts['selinux'] {
  if (enforce === '') return 'disabled';
  return enforce === '1' ? 'enforcing' : 'permissive';
}

function firewallOf(firewalld: string, ufw: string): HostFacts['firewall'] {
  if (firewalld === 'active') return 'firewalld';
  return /^ENABLED=["']?yes/m.test(ufw) ? 'ufw' : 'none';
}

/** `2: eth0    inet 10.99.0.11/24 brd 10.99.0.255 scope global eth0\       valid_lft forever …` */
function addressesOf(text: string, mtus: ReadonlyMap<string, number>): HostFacts['ipv4'] {
  return rows(text).flatMap(([, device, family, cidr = '']) => {
    const [address = '', prefix] = cidr.split('/');
    if (device === undefined || family !== 'inet' || device === 'lo') return [];
    return [{ interface: device, address, prefix: Number(prefix ?? 32), mtu: mtus.get(device) ?? 0 }];
  });
}

/** `17022823 4096 /dev/sda1 /var/lib/etcd` */
function disksOf(text: string, host: string): Pick<HostFacts, 'freeBytes' | 'fileSystems'> {
  const disks = rows(text).map(([blocks, size, fileSystem = '', ...path]) => {
    const free = Number(blocks) * Number(size);
    if (!Number.isFinite(free)) throw unclear(host, `its free disk space is ${text}`);
    return { path: path.join(' '), free, fileSystem };
  });
  return {
    freeBytes: Object.fromEntries(disks.map(({ path, free }) => [path, free])),
    fileSystems: Object.fromEntries(disks.map(({ path, fileSystem }) => [path, fileSystem])),
  };
}

function rows(text: string): string[][] {
  if (text === '') return [];
  return text.split('\n').map((line) => line.trim().split(/\s+/));
}

function numberOrUndefined(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function unclear(host: string, what: string): KubexmError {
  return new KubexmError('COMMAND_FAILED', `cannot gather the facts of ${host}: ${what}`);
}
