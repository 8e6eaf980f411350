import type { KubeadmDocument } from './kubeadm-documents.js';

/**
 * How kubeadm is called for an upgrade. From 1.32 on by a document, which may say that images are there already; before, by
 * flags. https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/#kubeadm-k8s-io-v1beta4-UpgradeConfiguration
 */
export function upgradeArguments({
  verb,
  to,
  certificateRenewal,
  ignorePreflightErrors = [],
  skipPhases = [],
}: {
  readonly verb: 'apply' | 'node';
  /** With v. */
  readonly to: string;
  readonly certificateRenewal: boolean;
  /** Names of kubeadm's checks that are only warnings here. */
  readonly ignorePreflightErrors?: readonly string[];
  /** Names of kubeadm's phases that are not run, from 1.32 on: `addon/coredns`. */
  readonly skipPhases?: readonly string[];
}): { readonly args: readonly string[]; readonly document?: KubeadmDocument } {
  const minor = Number(/^v1\.(\d+)\./.exec(to)?.[1]);
  const what = verb === 'apply' ? ['apply', to, '--yes'] : ['node'];
  if (minor < 32) {
    return {
      args: [
        'upgrade',
        ...what,
        `--certificate-renewal=${certificateRenewal}`,
        '--etcd-upgrade=false',
        ...(ignorePreflightErrors.length > 0 ? [`--ignore-preflight-errors=${ignorePreflightErrors.join(',')}`] : []),
      ],
    };
  }
  const settings = {
    certificateRenewal,
    etcdUpgrade: false,
    ...(ignorePreflightErrors.length > 0 ? { ignorePreflightErrors } : {}),
    imagePullPolicy: 'Never',
    ...(skipPhases.length > 0 ? { skipPhases } : {}),
  };
  return {
    args: ['upgrade', ...what],
    document: {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'UpgradeConfiguration',
      [verb]: verb === 'apply' ? { kubernetesVersion: to, ...settings } : settings,
    },
  };
}
