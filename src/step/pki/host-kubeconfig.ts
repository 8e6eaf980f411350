import { Secret } from '../../secrets/index.js';
import { defineStep, needed, satisfied } from '../define.js';
import { embedded, kubeconfigText } from './kubeconfig.js';
import type { CertificateFiles } from './params.js';

/** `path`: on the host; `ca` and `client`: files of the control machine. Without `client` its user has no credentials. */
export interface HostKubeconfig {
  readonly path: string;
  readonly server: string;
  readonly clusterName: string;
  readonly user: string;
  readonly ca: string;
  readonly client?: CertificateFiles;
}

/** Writes a kubeconfig of a host that is no node yet, 0600, before kubeadm looks for it. */
export const hostKubeconfig = defineStep<HostKubeconfig>({
  kind: 'pki.host-kubeconfig',
  title: (p) => `Write ${p.path}`,
  async precheck({ host, signal }, p) {
    const is = await host.readFile(p.path, { signal });
    if (is === undefined) return needed('there is none yet');
    if (is !== (await textOf(p))) return needed('an address or a certificate in it is another one');
    const { mode = 0 } = (await host.stat(p.path, { signal })) ?? {};
    return mode & 0o077
      ? needed(`it is open to others (mode 0${mode.toString(8)})`)
      : satisfied('its content is right');
  },
  async run({ host, signal }, p) {
    await host.writeFile(p.path, new Secret(await textOf(p)), { mode: 0o600, signal });
  },
});

async function textOf({ server, clusterName, user, ca, client }: HostKubeconfig): Promise<string> {
  const credentials: Record<string, string> =
    client === undefined
      ? {}
      : { 'client-certificate-data': await embedded(client.cert), 'client-key-data': await embedded(client.key) };
  return await kubeconfigText({ server, clusterName, user, authority: await embedded(ca), credentials });
}
