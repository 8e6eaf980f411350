import { labDown, labStatus } from '../../../lab/index.js';
import type { ChangeOptions, Invocation } from '../command-spec.js';
import { note, printJson } from '../io.js';

/** `kubexm lab down`. It asks nothing: everything in the lab is made to be thrown away. */
export async function run({ options, io }: Invocation<ChangeOptions>): Promise<void> {
  const names = (await labStatus()).hosts.map(({ name }) => name);
  if (options.dryRun) return note(io, `would end and remove: ${names.join(' ') || 'nothing'}`);
  await labDown({ log: (line) => note(io, line) });
  if (options.output === 'json') printJson(io, { removed: names });
}
