import { clusterJsonSchema } from '../../config/index.js';
import type { Invocation } from '../command-spec.js';
import { printJson } from '../io.js';

/** `kubexm config schema` */
export async function run({ io }: Invocation): Promise<void> {
  printJson(io, clusterJsonSchema());
}
