import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import type { CertificateFiles } from '../pki/params.js';
import { restartedKubelet } from './kubelet.js';

const directory = '/var/lib/kubelet/pki';
const current = `${directory}/kubelet-client-current.pem`;

/** `client`: certificate and key on the control machine. */
export interface KubeletClient {
  readonly nodeName: string;
  readonly client: CertificateFiles;
}

/** Gives the kubelet the certificate that it shows the apiserver, in the form that it keeps itself, and restarts it. */
export const kubeletClient = defineStep<KubeletClient>({
  kind: 'kube.kubelet-client',
  title: () => 'Give the kubelet a client certificate',
  uses: ['kubelet-restart'],
  policy: { timeoutMs: 300_000 },
  // What it does is proved as it does it.
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
    const { host, signal } = ctx;
    const [cert, key] = await Promise.all([readFile(client.cert, 'utf8'), readFile(client.key, 'utf8')]);
    const file = `${directory}/kubelet-client-${new X509Certificate(cert).serialNumber.toLowerCase()}.pem`;
    await host.writeFile(file, new Secret(`${cert}${key}`), { mode: 0o600, signal });
    await host.run(sh`ln -sfn ${file} ${current}.new && mv -fT ${current}.new ${current}`, { signal });
    await restartAndProve(ctx, nodeName);
  },
});

/** One of the files that it reads only when it starts: a run may have ended between writing and restarting. */
async function writtenSinceStart({ host, signal }: StepContext): Promise<string | undefined> {
  const [{ activeSince }, files] = await Promise.all([
    host.serviceState('kubelet.service', { signal }),
    host.statMany([current, hostPaths.kubeletKubeconfig], { signal }),
  ]);
  return [...files.values()].find(({ mtime }) => mtime >= activeSince)?.path;
}

/** The lease of its node, renewed since, says that the apiserver takes what the kubelet shows. */
async function restartAndProve(ctx: StepContext, nodeName: string): Promise<void> {
  const { host, signal } = ctx;
  const { done, because } = await restartedKubelet(ctx, { nodeName, role: 'worker' });
  const fail = (details: string) =>
    new KubexmError('WAIT_TIMEOUT', `${host.name}: the kubelet was restarted, and does not serve`, {
      details: [details],
      hint: `on ${host.name}: journalctl -u kubelet -n 50; then run the same command again`,
    });
  if (!done) throw fail(because);
  const asked = await pollUntil(async () => leaseRenewed(ctx, nodeName), {
    timeoutMs: 90_000,
    intervalMs: 1000,
    signal,
  });
  if (!asked.done) throw fail(asked.because);
}

/** Asked as the kubelet itself: workers have nobody else's credentials. */
async function leaseRenewed(
  { host, signal }: StepContext,
  nodeName: string,
): Promise<{ readonly done: boolean; readonly because: string }> {
  const { exitCode, stdout, stderr } = await host.tryRun(
    sh`kubectl=${hostPaths.bin}/kubectl; if [ ! -x "$kubectl" ]; then echo none; exit 0; fi; since=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value kubelet.service)" +%s) || exit 1; renewed=$("$kubectl" --kubeconfig=${hostPaths.kubeletKubeconfig} --request-timeout=10s -n kube-node-lease get lease ${nodeName} -o 'jsonpath={.spec.renewTime}') || exit 1; [ "$(date -d "$renewed" +%s)" -ge "$since" ] && echo renewed || echo old`,
    { signal },
  );
  if (exitCode !== 0) return { done: false, because: stderr.trim().split('\n').at(-1) ?? '' };
  return { done: !stdout.includes('old'), because: 'it has not renewed its lease with the API' };
}
