import { X509Certificate } from 'node:crypto';
import { hostPaths, ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { joinState } from './join-state.js';
import { documentsText, type KubeadmDocument, withoutTokens } from './kubeadm-documents.js';
import { kubectl } from './kubectl.js';
import { keepServingChain, servingChain } from './serving-chain.js';

const certificate = `${hostPaths.kubernetesPki}/apiserver.crt`;
const key = `${hostPaths.kubernetesPki}/apiserver.key`;

/** `documents`: kubeadm's configuration of this host. `names`: DNS names and addresses by which this API server is asked. */
export interface ReconcileServingCertificate {
  readonly documents: readonly KubeadmDocument[];
  readonly names: readonly string[];
}

/**
 * Gives the API server a certificate with all its names, made by kubeadm. The one in place is kept as long as it has them:
 * further names in it do no harm. The API server reads the new one by itself, without a restart.
 */
export const reconcileServingCertificate = defineStep<ReconcileServingCertificate, readonly string[]>({
  kind: 'kube.serving-certificate',
  title: () => 'Check the names in the certificate of the API server',
  uses: ['control-plane-change'],
  async precheck(ctx, p) {
    if ((await joinState(ctx, 'control-plane')) !== 'joined') return satisfied('it is no control plane yet');
    const text = await ctx.host.readFile(certificate, { signal: ctx.signal });
    if (text === undefined) return needed(`${certificate} is missing`, p.names);
    const missing = missingNames(text, p.names);
    if (missing.length > 0) return needed(`it lacks ${missing.join(', ')}`, missing);
    // The key is the last to be moved to its place.
    if (await ctx.host.stat(staged(key), { signal: ctx.signal }))
      return needed('a run that made a new one was interrupted', p.names);
    return satisfied('it has all names');
  },
  async run(ctx, p, missing) {
    const chain = await servingChain(ctx);
    await issue(ctx, p);
    await keepServingChain(ctx, chain);
    const name = missing[0] ?? '';
    const answer = await pollUntil(() => served(ctx, name), {
      timeoutMs: 120_000,
      intervalMs: 500,
      signal: ctx.signal,
    });
    if (answer.done) return;
    throw new KubexmError('WAIT_TIMEOUT', `${ctx.host.name}: the API server does not serve its new certificate`, {
      details: [`asked as ${name}: ${answer.because}`],
      hint: `on ${ctx.host.name}: crictl ps -a --name kube-apiserver; then run the same command again`,
    });
  },
});

/** In a directory of its own, with the CA beside it, and moved from there: the old one is never missing. */
async function issue({ host, signal }: StepContext, { documents }: ReconcileServingCertificate): Promise<void> {
  const work = '/run/kubexm/serving-certificate';
  const moved = documents.map((document) =>
    document.kind === 'ClusterConfiguration' ? { ...document, certificatesDir: work } : document,
  );
  const pki = hostPaths.kubernetesPki;
  const command = sh`set -e; umask 077; rm -rf ${work}; mkdir -p ${work}; trap 'rm -rf ${work}' EXIT; cp ${pki}/ca.crt ${pki}/ca.key ${work}; cat >${work}/in.yaml; ${hostPaths.bin}/kubeadm init phase certs apiserver --config=${work}/in.yaml >${work}/log 2>&1 || { tail -n 15 ${work}/log >&2; exit 1; }; chmod 0644 ${work}/apiserver.crt; cp -p ${work}/apiserver.crt ${staged(certificate)}; cp -p ${work}/apiserver.key ${staged(key)}; mv -f ${staged(certificate)} ${certificate}; mv -f ${staged(key)} ${key}`;
  const { exitCode, stderr } = await host.tryRun(command, {
    stdin: await documentsText(withoutTokens(moved)),
    signal,
  });
  if (exitCode === 0) return;
  throw new KubexmError('COMMAND_FAILED', `${host.name}: kubeadm made no certificate for the API server`, {
    details: stderr.trim().split('\n'),
    hint: 'correct spec.controlPlaneEndpoint or spec.kubernetes.apiServer.certExtraSans, then run the same command again',
    retryable: false,
  });
}

function missingNames(text: string, names: readonly string[]): string[] {
  const { subjectAltName = '' } = new X509Certificate(text);
  const has = new Set(subjectAltName.split(/, */).map((each) => each.replace(/^(DNS|IP Address):/, '')));
  return names.filter((name) => !has.has(name));
}

/** Where a new file waits, beside the old one. */
function staged(path: string): string {
  return `${path}.kubexm`;
}

/** Whether the API server proves to be this name. */
async function served(
  { host, signal }: StepContext,
  name: string,
): Promise<{ readonly done: boolean; readonly because: string }> {
  const { exitCode, stderr } = await host.tryRun(
    kubectl([`--server=https://127.0.0.1:${ports.apiserver}`, `--tls-server-name=${name}`, 'get', '--raw=/readyz']),
    { signal },
  );
  return { done: exitCode === 0, because: stderr.trim().split('\n').at(-1) ?? '' };
}
