import { hostPaths, ports } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type ShellCommand, sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';
import type { CertificateFiles } from '../pki/params.js';
import { kubectl } from './kubectl.js';

/** `client`: files of this host with what kubelets are shown. Absent: what the administrator has. */
export interface KubeletsAccept {
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  readonly client?: CertificateFiles;
  /** How long a kubelet may take to read its CAs anew: it is told of the change, and looks once a minute. Default 90 s. */
  readonly waitMs?: number;
}

/** Proves that every kubelet takes a client certificate, asked from a control plane at the port that logs and exec go through. */
export const kubeletsAccept = defineStep<KubeletsAccept>({
  kind: 'kube.kubelets-accept',
  title: () => 'Check that all kubelets trust the CA of their clients',
  recheck: false,
  async precheck(ctx, { nodes, client, waitMs = 90_000 }) {
    const names = new Map(nodes.map(({ name, address }) => [hostAndPort(address), name]));
    const answer = await pollUntil(
      async () => {
        const refused = await refusals(ctx, [...names.keys()], client);
        return { done: refused.length === 0, refused };
      },
      { timeoutMs: waitMs, intervalMs: 2000, signal: ctx.signal },
    );
    if (answer.done) return satisfied(`${nodes.length} do`);
    throw new KubexmError('STEP_NOT_EFFECTIVE', `${ctx.host.name}: kubelets refuse the client certificate`, {
      details: answer.refused.map(({ at, because }) => `${names.get(at) ?? at}: ${because}`),
      hint: `on the nodes named: journalctl -u kubelet -n 50; ${hostPaths.kubernetesPki}/ca.crt has to hold the CA; then run the same command again`,
    });
  },
  run: () => Promise.resolve(),
});

async function refusals(ctx: StepContext, servers: readonly string[], client: CertificateFiles | undefined) {
  const ask = asking(client);
  const { stdout } = await ctx.host.run(
    sh`for at in ${servers}; do why=$(${ask} --server="https://$at" 2>&1 >/dev/null) || printf '%s %s\n' "$at" "$(printf %s "$why" | tail -n 1)"; done`,
    { signal: ctx.signal, long: true },
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ at: line.split(' ', 1)[0] ?? '', because: line.slice(line.indexOf(' ') + 1) }));
}

/** Kubelets serve with certificates that they made themselves: here it is they who look whom they trust. */
function asking(client: CertificateFiles | undefined): ShellCommand {
  const what = ['--insecure-skip-tls-verify', 'get', '--raw=/healthz'];
  if (client === undefined) return kubectl(what);
  return sh`${hostPaths.bin}/kubectl --kubeconfig=/dev/null --request-timeout=10s --client-certificate=${client.cert} --client-key=${client.key} ${what}`;
}

function hostAndPort(address: string): string {
  return `${address.includes(':') ? `[${address}]` : address}:${ports.kubelet}`;
}

/** `nodes`: names. */
export interface KubeletsReport {
  readonly nodes: readonly string[];
  /** A lease is renewed every ten seconds. Default 90 s. */
  readonly waitMs?: number;
}

/** Proves that the API takes what each kubelet shows it now: from the moment of asking, every node's lease is renewed once more. */
export const kubeletsReport = defineStep<KubeletsReport>({
  kind: 'kube.kubelets-report',
  title: () => 'Check that all kubelets report to the API',
  recheck: false,
  async precheck(ctx, { nodes, waitMs = 90_000 }) {
    let before: ReadonlyMap<string, string> | undefined;
    const answer = await pollUntil(
      async () => {
        const { leases, because } = await renewals(ctx);
        before ??= leases;
        const silent = nodes.filter((name) => {
          const now = leases?.get(name);
          return now === undefined || now === before?.get(name);
        });
        return { done: silent.length === 0, silent, because };
      },
      { timeoutMs: waitMs, intervalMs: 2000, signal: ctx.signal },
    );
    if (answer.done) return satisfied(`${nodes.length} do`);
    throw new KubexmError('STEP_NOT_EFFECTIVE', 'kubelets do not report to the API', {
      details:
        answer.because === '' ? answer.silent.map((name) => `${name} has not renewed its lease`) : [answer.because],
      hint: 'on the nodes named: journalctl -u kubelet -n 50; then run the same command again',
    });
  },
  run: () => Promise.resolve(),
});

async function renewals({ host, signal }: StepContext) {
  const { exitCode, stdout, stderr } = await host.tryRun(
    kubectl(['-n', 'kube-node-lease', 'get', 'leases', '-o', 'json']),
    { signal },
  );
  if (exitCode !== 0) return { leases: undefined, because: stderr.trim().split('\n').at(-1) ?? '' };
  const { items } = JSON.parse(stdout) as { items: { metadata: { name: string }; spec?: { renewTime?: string } }[] };
  return { leases: new Map(items.map(({ metadata, spec }) => [metadata.name, spec?.renewTime ?? ''])), because: '' };
}
