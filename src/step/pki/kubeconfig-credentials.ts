import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import type { CertificateFiles } from './params.js';

/** `path`: a kubeconfig of the host. `ca`: file with the CAs that it is to trust; `client`: who its user is. Absent: as it is. */
export interface KubeconfigCredentials {
  readonly path: string;
  readonly ca?: string;
  readonly client?: CertificateFiles;
}

interface Kubeconfig {
  readonly clusters?: readonly { readonly cluster?: Record<string, unknown> }[];
  readonly users?: readonly { readonly user?: Record<string, unknown> }[];
}

/** Puts other credentials into a kubeconfig that a host has; its server, names and context stay. */
export const kubeconfigCredentials = defineStep<KubeconfigCredentials>({
  kind: 'pki.kubeconfig-credentials',
  title: (p) => `Put the credentials into ${p.path}`,
  async precheck(ctx, p) {
    const { text, wanted } = await kubeconfigs(ctx, p);
    if (text === undefined) return satisfied('there is none on this host');
    const { mode = 0 } = (await ctx.host.stat(p.path, { signal: ctx.signal })) ?? {};
    if (mode & 0o077) return needed(`${p.path} is open to others (mode 0${mode.toString(8)})`);
    return wanted === undefined ? satisfied('they are in it') : needed('it has others');
  },
  async run(ctx, p) {
    const { text, wanted } = await kubeconfigs(ctx, p);
    const content = wanted ?? text;
    if (content === undefined) return;
    await ctx.host.writeFile(p.path, new Secret(content), { mode: 0o600, signal: ctx.signal });
  },
});

/** `wanted` is undefined where the text has the credentials already. */
async function kubeconfigs(
  { host, signal }: StepContext,
  { path, ca, client }: KubeconfigCredentials,
): Promise<{ readonly text: string | undefined; readonly wanted: string | undefined }> {
  const text = await host.readFile(path, { signal });
  if (text === undefined) return { text, wanted: undefined };
  const { parse, stringify } = await import('yaml');
  const parsed = parse(text) as Kubeconfig | null;
  const [cluster, user] = [parsed?.clusters?.[0]?.cluster, parsed?.users?.[0]?.user];
  if (cluster === undefined || user === undefined) {
    throw new KubexmError('PKI_BROKEN', `${host.name}: ${path} is no kubeconfig with a cluster and a user`, {
      hint: `on a control plane: kubeadm init phase kubeconfig --help; then run the same command again`,
      retryable: false,
    });
  }
  const changes = [
    ...(ca === undefined ? [] : [put(cluster, 'certificate-authority', await embedded(ca))]),
    ...(client === undefined
      ? []
      : [
          put(user, 'client-certificate', await embedded(client.cert)),
          put(user, 'client-key', await embedded(client.key)),
        ]),
  ];
  // No folding: readers other than YAML libraries expect the data in one line.
  return { text, wanted: changes.some(Boolean) ? stringify(parsed, { lineWidth: 0 }) : undefined };
}

/** Embeds the data and forgets a path to a file; true where that changes something. */
function put(entry: Record<string, unknown>, field: string, data: string): boolean {
  if (entry[`${field}-data`] === data && entry[field] === undefined) return false;
  delete entry[field];
  entry[`${field}-data`] = data;
  return true;
}

async function embedded(path: string): Promise<string> {
  return (await readFile(path)).toString('base64');
}
