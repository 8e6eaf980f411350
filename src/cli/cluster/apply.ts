import { existsSync } from 'node:fs';
import { KubexmError } from '../../errors/index.js';
import { workDirs } from '../../runtime/work-dirs.js';
import type { Invocation } from '../command-spec.js';
import { loadConfig } from '../load.js';
import type { OperationOptions } from '../operation.js';
import { runCluster } from './execute.js';

/**
 * `kubexm cluster apply PLAN`: runs a saved plan as it is. Without one: like create, but never makes a cluster where none was
 * made from here.
 */
export async function run({ options, args, io }: Invocation<OperationOptions>): Promise<number> {
  const cluster = await loadConfig(options.config, io);
  const [savedPlan] = args;
  if (savedPlan !== undefined) return (await runCluster({ cluster, options, io, savedPlan })).exitCode;
  const { kubeconfigPath } = workDirs({ cwd: io.cwd, clusterName: cluster.metadata.name });
  if (!existsSync(kubeconfigPath)) {
    throw new KubexmError('GUARD_REFUSED', `no cluster ${cluster.metadata.name} was made from this directory`, {
      hint: `kubexm cluster create -f ${options.config}`,
    });
  }
  return (await runCluster({ cluster, options, io })).exitCode;
}
