import { type Invocation } from './command-spec.js';
import { print, printJson } from './io.js';
import { versionNumber } from './version-number.js';

/** `kubexm version` */
export async function run({ options, io }: Invocation): Promise<void> {
  const { version: node, platform, arch } = process;
  if (options.output === 'json') printJson(io, { kubexm: versionNumber, node: node.slice(1), platform, arch });
  else print(io, `kubexm ${versionNumber} (node ${node}, ${platform} ${arch})`);
}
