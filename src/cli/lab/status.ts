import { labStatus } from '../../../lab/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { table } from '../table.js';

/** `kubexm lab status` */
export async function run({ options, io }: Invocation): Promise<void> {
  const status = await labStatus();
  if (options.output === 'json') return printJson(io, status);
  if (!status.up) return print(io, 'There is no lab. Next: kubexm lab up');
  const rows = status.hosts.map(({ name, address, running }) => [name, address, running ? 'running' : 'stopped']);
  const { files, registry } = status.mirror;
  print(io, table([['HOST', 'ADDRESS', 'STATE'], ...rows]));
  print(io, `mirror: files ${files ? 'served' : 'not served'}, registry ${registry ? 'serves' : 'does not serve'}`);
}
