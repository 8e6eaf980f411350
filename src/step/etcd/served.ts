import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';

/** `certificate`, `client`: names of files in etcd's directory of certificates, without `.pem`. */
export interface CheckServed {
  /** `https://10.0.0.11:2379` or `:2380`; of the host's own member. */
  readonly endpoint: string;
  readonly certificate: string;
  /** Whom to ask as. */
  readonly client: string;
  /** How long it may still serve another one. Default 15 s. */
  readonly waitMs?: number;
}

const { pki } = hostPaths.etcd;

/**
 * Proves on the wire that a member serves exactly this certificate: it alone is trusted in the handshake, so that any other
 * is refused, although the same CA has signed it. etcd reads its files anew in each handshake (seen with v3.5.35 and
 * v3.6.14): a new certificate needs no restart.
 */
export const checkServed = defineStep<CheckServed>({
  kind: 'etcd.served',
  title: (p) => `Check that ${p.endpoint} serves ${p.certificate}.pem`,
  recheck: false,
  async precheck(ctx, p) {
    const answer = await pollUntil(() => handshake(ctx, p), {
      timeoutMs: p.waitMs ?? 15_000,
      intervalMs: 250,
      signal: ctx.signal,
    });
    if (answer.done) return satisfied('it is served');
    throw new KubexmError(
      'STEP_NOT_EFFECTIVE',
      `${ctx.host.name}: ${p.endpoint} does not serve ${pki}/${p.certificate}.pem`,
      {
        details: [answer.because],
        hint: `the files before are beside it as .previous; on ${ctx.host.name}: journalctl -u etcd -n 20; systemctl restart etcd`,
      },
    );
  },
  run: () => Promise.resolve(),
});

/** The port of the peers speaks no gRPC: there, a handshake that was passed ends with the client waiting for the preface. */
async function handshake(
  { host, signal }: StepContext,
  { endpoint, certificate, client }: CheckServed,
): Promise<{ readonly done: boolean; readonly because: string }> {
  const { exitCode, stderr } = await host.tryRun(
    sh`${hostPaths.bin}/etcdctl --endpoints=${endpoint} --cacert=${pki}/${certificate}.pem --cert=${pki}/${client}.pem --key=${pki}/${client}-key.pem --command-timeout=1s endpoint status -w json`,
    { signal },
  );
  if (exitCode === 0 || stderr.includes('error reading server preface')) return { done: true, because: '' };
  const refused = /x509: [^"\\]*/.exec(stderr)?.[0];
  return { done: false, because: refused ?? stderr.trim().split('\n').at(-1) ?? 'no answer' };
}

/** `client`: as above. */
export interface CheckAccepted {
  readonly endpoints: readonly string[];
  readonly client: string;
}

/** Proves that members accept a client's certificate, asked from the host that uses it: kubectl speaks mutual TLS, and hosts need no curl. */
export const checkAccepted = defineStep<CheckAccepted>({
  kind: 'etcd.accepted',
  title: (p) => `Check that etcd accepts ${p.client}.pem`,
  recheck: false,
  async precheck({ host, signal }, p) {
    const refused: string[] = [];
    for (const endpoint of p.endpoints) {
      const { exitCode, stderr } = await host.tryRun(
        sh`${hostPaths.bin}/kubectl --kubeconfig=/dev/null --request-timeout=10s --server=${endpoint} --certificate-authority=${pki}/ca.pem --client-certificate=${pki}/${p.client}.pem --client-key=${pki}/${p.client}-key.pem get --raw=/version`,
        { signal },
      );
      if (exitCode !== 0) refused.push(`${endpoint}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    }
    if (refused.length === 0) return satisfied('all members accept it');
    throw new KubexmError('STEP_NOT_EFFECTIVE', `${host.name}: etcd does not accept ${pki}/${p.client}.pem`, {
      details: refused,
      hint: `the files before are beside it as .previous; kubexm etcd certs shows what is where`,
    });
  },
  run: () => Promise.resolve(),
});
