import { readFile } from 'node:fs/promises';
import { apiServers } from '../../apis/kubexms/v1alpha1/api-servers.js';
import { KubexmError } from '../../errors/index.js';
import { firstServing, kubeconfigServer } from '../../runtime/serving-api.js';
import { workDirs } from '../../runtime/work-dirs.js';
import { writeFileAtomic } from '../../util/atomic-file.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { type Io, note, printJson } from '../io.js';
import { loadConfig } from '../load.js';

interface KubeconfigOptions extends CommonOptions {
  readonly path?: boolean;
}

/**
 * `kubexm cluster kubeconfig`. It prints a credential: that is what it is for. A file that names a control plane which does
 * not serve is given one that does.
 */
export async function run({ options, io }: Invocation<KubeconfigOptions>): Promise<void> {
  const cluster = await loadConfig(options.config, io);
  const { kubeconfigPath } = workDirs({ cwd: io.cwd, clusterName: cluster.metadata.name });
  const kept = await readFile(kubeconfigPath, 'utf8').catch((cause: unknown) => {
    throw new KubexmError(
      'FILE_MISSING',
      `there is no kubeconfig of cluster ${cluster.metadata.name} (${kubeconfigPath})`,
      {
        hint: `make the cluster, in the directory that it is kept in: kubexm cluster create -f ${options.config}`,
        cause,
      },
    );
  });
  const content = await withServing(kept, apiServers(cluster), io);
  if (content !== kept) await writeFileAtomic(kubeconfigPath, content, { mode: 0o600 });
  if (options.output === 'json')
    return printJson(
      io,
      options.path === true ? { path: kubeconfigPath } : { path: kubeconfigPath, kubeconfig: content },
    );
  // Not through the redactor: masked, it would be of no use.
  io.stdout.write(options.path === true ? `${kubeconfigPath}\n` : content);
}

/** Where there is only one address, there is nothing to choose, and nobody is asked. */
async function withServing(text: string, servers: readonly string[], io: Io): Promise<string> {
  if (servers.length < 2) return text;
  const kubeconfig = await kubeconfigServer(text);
  const { server, credentials } = kubeconfig;
  const serving = await firstServing([server, ...servers.filter((each) => each !== server)], { credentials });
  if (serving === server) return text;
  if (serving === undefined) {
    note(io, `no control plane answers at ${servers.join(', ')}; the kubeconfig names ${server}`);
    return text;
  }
  note(io, `${server} does not answer; the kubeconfig names ${serving} now`);
  return kubeconfig.with(serving);
}
