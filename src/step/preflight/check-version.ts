import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { otherVersionHint } from '../common/version-hint.js';
import { defineStep, satisfied } from '../define.js';

/** `version` with v: v1.34.4. */
export interface CheckKubernetesVersion {
  readonly version: string;
}

/**
 * A node that runs another version is not given this one by the way: its kubelet's program would be swapped under running
 * pods, before its control plane. Refused before anything changes.
 */
export const checkKubernetesVersion = defineStep<CheckKubernetesVersion>({
  kind: 'preflight.kubernetes-version',
  title: ({ version }) => `Check that a node of the cluster runs ${version}`,
  recheck: false,
  async precheck({ host, signal }, { version }) {
    const manifest = `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`;
    const { stdout } = await host.run(
      sh`[ -e ${hostPaths.kubernetes}/kubelet.conf ] || exit 0
[ ! -x ${hostPaths.bin}/kubelet ] || ${hostPaths.bin}/kubelet --version
[ ! -e ${manifest} ] || grep -o ${'kube-apiserver:v[^"@ ]*'} ${manifest}`,
      { signal },
    );
    const found = [...stdout.matchAll(/^(?:(Kubernetes) |(kube-apiserver):)(v\S+)$/gm)].map(
      ([, kubelet, apiserver, running = '']) => ({
        what: kubelet === undefined ? (apiserver ?? '') : 'kubelet',
        running,
      }),
    );
    const [other] = found.filter(({ running }) => running !== version);
    if (other !== undefined) {
      throw new KubexmError(
        'GUARD_REFUSED',
        `${host.name}: its ${other.what} is ${other.running}, the cluster file asks for ${version}`,
        { hint: otherVersionHint(other.running, version), retryable: false },
      );
    }
    return satisfied(found.length === 0 ? 'it is no node yet' : `it runs ${version}`);
  },
  run: () => Promise.resolve(),
});
