import { readdir } from 'node:fs/promises';
import { labNetwork, linkOf } from './address-plan.js';
import { mustRun, run } from './command.js';

const { bridge, gateway, prefixLength } = labNetwork;
/** A machine that filters bridged packets (br_netfilter) and forwards nothing by default would cut the hosts from each other. */
const acceptRule = ['FORWARD', '-i', bridge, '-o', bridge, '-m', 'comment', '--comment', 'kubexm-lab', '-j', 'ACCEPT'];

export async function ensureBridge(): Promise<void> {
  if ((await run(['ip', 'link', 'show', bridge])).exitCode !== 0) {
    await mustRun(['ip', 'link', 'add', bridge, 'address', '02:6b:78:6d:00:01', 'type', 'bridge']);
  }
  await mustRun(['ip', 'address', 'replace', `${gateway}/${prefixLength}`, 'dev', bridge]);
  await mustRun(['ip', 'link', 'set', bridge, 'up']);
  if ((await run(['iptables', '-w', '-C', ...acceptRule])).exitCode !== 0)
    await mustRun(['iptables', '-w', '-I', ...acceptRule]);
}

export async function removeBridge(): Promise<void> {
  const links = await readdir(`/sys/class/net/${bridge}/brif`).catch(() => []);
  for (const link of links) await run(['ip', 'link', 'delete', link]);
  await run(['ip', 'link', 'delete', bridge]);
  while ((await run(['iptables', '-w', '-D', ...acceptRule])).exitCode === 0);
}

/** A link whose host is gone; usually it went with the host's network namespace. */
export async function removeLink(name: string): Promise<void> {
  await run(['ip', 'link', 'delete', linkOf(name)]);
}

export interface LinkShape {
  /** Both directions, Mbit/s. */
  readonly rateMbit?: number;
  /** True: nothing passes, as if the cable were pulled at the switch; the host sees its link up. */
  readonly drop?: boolean;
}

/** Makes a host's link as told and nothing else: each call replaces what an earlier one set. */
export async function shapeLink({
  name,
  init,
  shape,
}: {
  name: string;
  init: number;
  shape: LinkShape;
}): Promise<void> {
  const link = linkOf(name);
  const inHost = ['nsenter', '--target', String(init), '--net'];
  await mustRun(shape.drop ? ['ip', 'link', 'set', link, 'nomaster'] : ['ip', 'link', 'set', link, 'master', bridge]);
  if (shape.rateMbit === undefined) {
    await run(['tc', 'qdisc', 'delete', 'dev', link, 'root']);
    await run([...inHost, 'tc', 'qdisc', 'delete', 'dev', 'host0', 'root']);
    return;
  }
  const filter = ['root', 'tbf', 'rate', `${shape.rateMbit}mbit`, 'burst', '128kb', 'latency', '200ms'];
  await mustRun(['tc', 'qdisc', 'replace', 'dev', link, ...filter]);
  await mustRun([...inHost, 'tc', 'qdisc', 'replace', 'dev', 'host0', ...filter]);
}
