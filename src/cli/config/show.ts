import { parse } from 'yaml';
import { showCluster } from '../../config/index.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { loadConfig } from '../load.js';

/** `kubexm config show` */
export async function run({ options, io }: Invocation): Promise<void> {
  const text = showCluster(await loadConfig(options.config, io));
  if (options.output === 'json') printJson(io, parse(text));
  else print(io, text);
}
