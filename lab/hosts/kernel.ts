import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { mustRun, run } from './command.js';

/** Modules that hosts of a cluster ask for → the kernel option that has them built in. */
export const kernelModules: Readonly<Record<string, string>> = {
  overlay: 'OVERLAY_FS',
  bridge: 'BRIDGE',
  br_netfilter: 'BRIDGE_NETFILTER',
  veth: 'VETH',
  vxlan: 'VXLAN',
  ipip: 'NET_IPIP',
  dummy: 'DUMMY',
  tun: 'TUN',
  wireguard: 'WIREGUARD',
  nf_conntrack: 'NF_CONNTRACK',
  nf_nat: 'NF_NAT',
  nf_tables: 'NF_TABLES',
  ip_tables: 'IP_NF_IPTABLES',
  iptable_filter: 'IP_NF_FILTER',
  iptable_nat: 'IP_NF_NAT',
  iptable_mangle: 'IP_NF_MANGLE',
  ip6_tables: 'IP6_NF_IPTABLES',
  ip6table_filter: 'IP6_NF_FILTER',
  ip6table_nat: 'IP6_NF_NAT',
  ip6table_mangle: 'IP6_NF_MANGLE',
  ip_set: 'IP_SET',
  ip_vs: 'IP_VS',
  ip_vs_rr: 'IP_VS_RR',
  ip_vs_wrr: 'IP_VS_WRR',
  ip_vs_sh: 'IP_VS_SH',
  fuse: 'FUSE_FS',
};

/** Modules without which a host in the lab cannot run pods. */
const required = ['overlay', 'br_netfilter', 'nf_conntrack', 'vxlan'];

/** Where this machine keeps loadable modules; undefined where its kernel has everything built in. */
export async function machineModules(): Promise<string | undefined> {
  const dir = join('/lib/modules', release());
  return access(join(dir, 'modules.dep')).then(
    () => dir,
    () => undefined,
  );
}

/** A kernel with loadable modules gets the required ones loaded now: hosts share it. */
export async function loadMachineModules(): Promise<void> {
  if (await machineModules()) await run(['modprobe', '-a', ...required]);
}

/** For a kernel without loadable modules: lets `modprobe` in the hosts answer as on a real one. */
export async function writeBuiltinModules(usr: string): Promise<void> {
  const dir = join(usr, 'lib/modules', release());
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const names = builtinModules(await kernelConfig());
  await writeFile(join(dir, 'modules.builtin'), names.map((name) => `kernel/builtin/${name}.ko\n`).join(''));
  await writeFile(join(dir, 'modules.order'), '');
  await mustRun(['depmod', '-b', usr, release()]);
}

/** Names of the table that this kernel has; all but IPVS where the kernel does not say. */
export function builtinModules(config: string | undefined): readonly string[] {
  return Object.entries(kernelModules)
    .filter(([name, option]) =>
      config === undefined ? !name.startsWith('ip_vs') : config.includes(`\nCONFIG_${option}=y\n`),
    )
    .map(([name]) => name);
}

async function kernelConfig(): Promise<string | undefined> {
  const packed = await readFile('/proc/config.gz').catch(() => undefined);
  return packed && gunzipSync(packed).toString();
}
