import type { ClusterInput } from '../cluster.js';
import { error, type Issue } from '../issue.js';
import type { Check } from './context.js';

const names = ['ca', 'frontProxyCa'] as const;

/** What a CA whose key is kept elsewhere leaves nobody to sign. */
export const checkCerts: Check = {
  relies: ['certs', 'kubernetes'],
  find: ({ input: { spec } }) => [...renewal(spec), ...kubelets(spec)],
};

function renewal({ certs }: ClusterInput['spec']): readonly Issue[] {
  const keyless = names.find((name) => certs[name] !== undefined && certs[name].keyFile === undefined);
  if (keyless === undefined || !certs.autoRenew.enabled) return [];
  const path = ['spec', 'certs', 'autoRenew', 'enabled'];
  const message = `hosts cannot renew what certs.${keyless} signs: its key is not there (no keyFile)`;
  return [
    error('keyless-ca', path, message, { hint: 'enabled: false; kubexm certs csr, import-signed and renew instead' }),
  ];
}

/** kubelets ask the cluster, which asks its CA. */
function kubelets({ certs, kubernetes }: ClusterInput['spec']): readonly Issue[] {
  if (certs.ca === undefined || certs.ca.keyFile !== undefined) return [];
  return (['rotateCertificates', 'serverTLSBootstrap'] as const).flatMap((key) => {
    if (kubernetes.kubelet.extraConfig[key] !== true) return [];
    const path = ['spec', 'kubernetes', 'kubelet', 'extraConfig', key];
    return [error('keyless-ca', path, 'nobody signs what kubelets ask for: certs.ca has no keyFile', { at: 'key' })];
  });
}
