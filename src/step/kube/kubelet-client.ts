import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { readCertificate } from '../pki/files.js';
import { embedded, kubeconfigText } from '../pki/kubeconfig.js';
import type { CertificateFiles } from '../pki/params.js';
import { restartedKubelet } from './kubelet.js';

const directory = '/var/lib/kubelet/pki';
const current = `${directory}/kubelet-client-current.pem`;

/** `client`: certificate and key on the control machine. */
export interface KubeletClient {
  readonly nodeName: string;
  readonly client: CertificateFiles;
}

/**
 * Gives the kubelet the certificate that it shows the apiserver, in the form that it keeps itself, and restarts it. That the API
 * takes it is for kubeletsReport to see, from a control plane.
 */
export const kubeletClient = defineStep<KubeletClient>({
  kind: 'kube.kubelet-client',
  title: () => 'Give the kubelet a client certificate',
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 300_000 },
  // Its start may be told in whole seconds: then asking again would restart it once more.
  recheck: false,
  async precheck(ctx, { client }) {
    const wanted = new X509Certificate(await readFile(client.cert)).fingerprint256;
    const { stdout } = await ctx.host.run(
      sh`[ ! -e ${current} ] || sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' ${current}`,
      { signal: ctx.signal },
    );
    if (!stdout.includes('BEGIN CERTIFICATE')) return needed('it has none');
    if (new X509Certificate(stdout).fingerprint256 !== wanted) return needed('it has another one');
    const newer = await writtenSinceStart(ctx);
    return newer === undefined ? satisfied('it has it') : needed(`${newer} was written after its start`);
  },
  async run(ctx, { nodeName, client }) {
    await writeClient(ctx, client);
    await restart(ctx, nodeName);
  },
});

/** What a kubelet is who it is by, where nobody can sign what it would ask for: files of the control machine, and the API's URL. */
export interface KubeletCredentials {
  readonly nodeName: string;
  readonly client: CertificateFiles;
  readonly ca: string;
  readonly server: string;
  readonly clusterName: string;
}

/** Puts the CA, the certificate and the kubeconfig into the place where a kubelet would have them, before kubeadm starts it. */
export async function placeKubeletCredentials(
  ctx: StepContext,
  { nodeName, client, ca, server, clusterName }: KubeletCredentials,
): Promise<void> {
  const missing = (await readCertificate(client.cert)) === undefined ? client.cert : undefined;
  if (missing !== undefined) {
    throw new KubexmError('FILE_MISSING', `${missing} is not there: the kubelet's certificate, signed elsewhere`, {
      hint: 'kubexm certs csr DIR; have the request signed; kubexm certs import-signed DIR; then run the same command again',
      retryable: false,
    });
  }
  // Without it a worker where this ends would look like one of a cluster that was half removed.
  const authority = `${hostPaths.kubernetesPki}/ca.crt`;
  if ((await ctx.host.stat(authority, { signal: ctx.signal })) === undefined)
    await ctx.host.writeFile(authority, await readFile(ca, 'utf8'), { mode: 0o644, signal: ctx.signal });
  await writeClient(ctx, client);
  const text = await kubeconfigText({
    server,
    clusterName,
    user: `system:node:${nodeName}`,
    authority: await embedded(ca),
    credentials: { 'client-certificate': current, 'client-key': current },
  });
  await ctx.host.writeFile(hostPaths.kubeletKubeconfig, text, { mode: 0o600, signal: ctx.signal });
}

/** In the form that it keeps itself. */
async function writeClient({ host, signal }: StepContext, client: CertificateFiles): Promise<void> {
  const [cert, key] = await Promise.all([readFile(client.cert, 'utf8'), readFile(client.key, 'utf8')]);
  const file = `${directory}/kubelet-client-${new X509Certificate(cert).serialNumber.toLowerCase()}.pem`;
  await host.writeFile(file, new Secret(`${cert}${key}`), { mode: 0o600, signal });
  await host.run(sh`ln -sfn ${file} ${current}.new && mv -fT ${current}.new ${current}`, { signal });
}

/** One of the files that it reads only when it starts: a run may have ended between writing and restarting. */
async function writtenSinceStart({ host, signal }: StepContext): Promise<string | undefined> {
  const [{ activeSince }, files] = await Promise.all([
    host.serviceState('kubelet.service', { signal }),
    host.statMany([current, hostPaths.kubeletKubeconfig], { signal }),
  ]);
  return [...files.values()].find(({ mtime }) => mtime >= activeSince)?.path;
}

async function restart(ctx: StepContext, nodeName: string): Promise<void> {
  const { host } = ctx;
  const { done, because } = await restartedKubelet(ctx, { nodeName, role: 'worker' });
  if (done) return;
  throw new KubexmError('WAIT_TIMEOUT', `${host.name}: the kubelet was restarted, and does not serve`, {
    details: [because],
    hint: `on ${host.name}: journalctl -u kubelet -n 50; then run the same command again`,
  });
}
