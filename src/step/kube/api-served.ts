import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { pollUntil } from '../../util/poll.js';
import { defineStep, satisfied } from '../define.js';

/** `server`: `https://10.0.0.11:6443`, the apiserver of this host; `certificate`: the file that it is to serve. */
export interface CheckApiServed {
  readonly server: string;
  readonly certificate: string;
  /** How long it may still serve another one: it looks at its files once a minute, or when it is told of a change. Default 90 s. */
  readonly waitMs?: number;
}

/** Proves on the wire that the apiserver serves exactly this certificate and is ready: nothing else is trusted in the handshake. */
export const checkApiServed = defineStep<CheckApiServed>({
  kind: 'kube.api-served',
  title: (p) => `Check that ${p.server} serves ${p.certificate}`,
  recheck: false,
  async precheck({ host, signal }, p) {
    // The first certificate of the file: what else is in there is the way to the CA.
    const ask = sh`set -e; mkdir -p /run/kubexm; only=$(mktemp /run/kubexm/served.XXXXXX); trap 'rm -f "$only"' EXIT; sed '/END CERTIFICATE/q' ${p.certificate} >"$only"; ${hostPaths.bin}/kubectl --kubeconfig=${hostPaths.adminKubeconfig} --request-timeout=10s --server=${p.server} --certificate-authority="$only" get --raw=/readyz`;
    const answer = await pollUntil(
      async () => {
        const { exitCode, stderr } = await host.tryRun(ask, { signal });
        return { done: exitCode === 0, because: stderr.trim().split('\n').at(-1) ?? '' };
      },
      { timeoutMs: p.waitMs ?? 90_000, intervalMs: 1000, signal },
    );
    if (answer.done) return satisfied('it is served');
    throw new KubexmError('STEP_NOT_EFFECTIVE', `${host.name}: ${p.server} does not serve ${p.certificate}`, {
      details: [answer.because],
      hint: `on ${host.name}: crictl ps -a --name kube-apiserver; the logs are below /var/log/pods; then run the same command again`,
    });
  },
  run: () => Promise.resolve(),
});
