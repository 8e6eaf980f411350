import { error, type Issue, warning } from '../issue.js';
import { isOlder, minorOf, newestMinor, oldestMinor, versionsFor } from '../versions.js';
import type { Check } from './context.js';

/** Versions that do not go together. What is newer than the table is only warned about. */
export const checkVersions: Check = {
  relies: ['kubernetes', 'etcd'],
  find: ({ input: { spec } }) => {
    const { version, containerRuntime, kubeProxy } = spec.kubernetes;
    const minor = minorOf(version);
    const path = ['spec', 'kubernetes', 'version'];
    const range = `v1.${oldestMinor} to v1.${newestMinor}`;
    if (!(minor >= oldestMinor))
      return [error('kubernetes-version', path, `${version} is not supported: kubexm knows ${range}`)];
    const issues: Issue[] = [];
    if (minor > newestMinor) {
      const message = `${version} is newer than what kubexm knows (${range}); the defaults of v1.${newestMinor} are used`;
      issues.push(warning('kubernetes-version', path, message));
    }
    const { leastEtcd } = versionsFor(version);
    if (spec.etcd.type === 'kubexm' && spec.etcd.version !== undefined && isOlder(spec.etcd.version, leastEtcd)) {
      const message = `Kubernetes ${version} needs etcd ${leastEtcd} or newer`;
      issues.push(error('etcd-version', ['spec', 'etcd', 'version'], message));
    }
    if (
      minor >= 36 &&
      containerRuntime.type === 'containerd' &&
      isOlder(containerRuntime.version ?? '2.0.0', '2.0.0')
    ) {
      const message = 'Kubernetes v1.36 and newer need containerd 2';
      issues.push(error('containerd-version', ['spec', 'kubernetes', 'containerRuntime', 'version'], message));
    }
    if (minor < 31 && kubeProxy.mode === 'nftables') {
      const message = `mode nftables is on by default from v1.31 on; ${version} needs the feature gate NFTablesProxyMode`;
      issues.push(warning('proxy-mode', ['spec', 'kubernetes', 'kubeProxy', 'mode'], message));
    }
    return issues;
  },
};
