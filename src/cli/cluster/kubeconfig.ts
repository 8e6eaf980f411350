import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { workDirs } from '../../runtime/work-dirs.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { printJson } from '../io.js';
import { loadConfig } from '../load.js';

interface KubeconfigOptions extends CommonOptions {
  readonly path?: boolean;
}

/** `kubexm cluster kubeconfig`. It prints a credential: that is what it is for. */
export async function run({ options, io }: Invocation<KubeconfigOptions>): Promise<void> {
  const cluster = await loadConfig(options.config, io);
  const { kubeconfigPath } = workDirs({ cwd: io.cwd, clusterName: cluster.metadata.name });
  const content = await readFile(kubeconfigPath, 'utf8').catch((cause: unknown) => {
    throw new KubexmError(
      'FILE_MISSING',
      `there is no kubeconfig of cluster ${cluster.metadata.name} (${kubeconfigPath})`,
      {
        hint: `make the cluster, in the directory that it is kept in: kubexm cluster create -f ${options.config}`,
        cause,
      },
    );
  });
  if (options.output === 'json')
    return printJson(
      io,
      options.path === true ? { path: kubeconfigPath } : { path: kubeconfigPath, kubeconfig: content },
    );
  // Not through the redactor: masked, it would be of no use.
  io.stdout.write(options.path === true ? `${kubeconfigPath}\n` : content);
}
