import { readFile } from 'node:fs/promises';
import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { loadCluster } from '../../config/index.js';
import { exitCodes } from '../../errors/index.js';
import { plural } from '../../logger/format.js';
import type { Invocation } from '../command-spec.js';
import { print, printJson } from '../io.js';
import { loadConfig } from '../load.js';

/** `kubexm config validate` */
export async function run({ options, io }: Invocation): Promise<number> {
  if (options.output !== 'json') {
    print(io, describe(options.config, await loadConfig(options.config, io)));
    return 0;
  }
  const text = await readFile(options.config, 'utf8').catch(() => undefined);
  // A file that cannot be read is an error like any other.
  if (text === undefined) await loadConfig(options.config, io);
  const { cluster, diagnostics } = loadCluster(text ?? '', options.config);
  printJson(io, { valid: cluster !== undefined, diagnostics });
  return cluster === undefined ? exitCodes.CONFIG_INVALID : 0;
}

function describe(path: string, { metadata, spec }: Cluster): string {
  const { roleGroups } = spec;
  const counts = [
    plural(roleGroups['control-plane'].length, 'control plane host'),
    `${roleGroups.etcd.length} of etcd`,
    plural(roleGroups.worker.length, 'worker'),
  ];
  return `${path} is valid: cluster ${metadata.name}, Kubernetes ${spec.kubernetes.version}, ${plural(spec.hosts.length, 'host')} (${counts.join(', ')})`;
}
