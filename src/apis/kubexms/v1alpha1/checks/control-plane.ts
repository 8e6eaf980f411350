import type { ClusterInput } from '../cluster.js';
import { error, type Issue, warning } from '../issue.js';
import type { Check } from './context.js';

type KubernetesInput = ClusterInput['spec']['kubernetes'];
const components = ['apiServer', 'controllerManager', 'scheduler'] as const;

/** Names that kubeadm and kubexm give to volumes of static pods themselves. */
const taken = /^(k8s-certs|ca-certs|kubeconfig|flexvolume-dir|etcd-certs-\d|etc-.*|usr-.*-certificates|kubexm-.*)$/;

/** What the sections of the API server set, and extra arguments must not. */
const flagsOf = {
  audit: /^audit-(policy-file|log-(path|maxage|maxbackup|maxsize)|webhook-(config-file|mode))$/,
  encryptionAtRest: /^encryption-provider-config/,
} as const;

/** Volumes of static pods have a name and a place of their own, and a flag has one origin. */
export const checkControlPlane: Check = {
  relies: ['kubernetes'],
  find: ({ input: { spec } }) => [
    ...components.flatMap((component) => volumes(spec.kubernetes, component)),
    ...flags(spec.kubernetes),
    ...keyUse(spec.kubernetes),
  ],
};

function volumes(kubernetes: KubernetesInput, component: (typeof components)[number]): readonly Issue[] {
  const seen = { name: new Map<string, number>(), mountPath: new Map<string, number>() };
  return kubernetes[component].extraVolumes.flatMap((volume, i) => {
    const path = ['spec', 'kubernetes', component, 'extraVolumes', i];
    const issues: Issue[] = [];
    if (taken.test(volume.name))
      issues.push(
        error('volume-name', [...path, 'name'], `"${volume.name}" is the name of a volume that is there anyway`),
      );
    for (const key of ['name', 'mountPath'] as const) {
      const earlier = seen[key].get(volume[key]);
      if (earlier === undefined) seen[key].set(volume[key], i);
      else issues.push(error('duplicate-volume', [...path, key], `extraVolumes[${earlier}] has the same ${key}`));
    }
    return issues;
  });
}

function flags(kubernetes: KubernetesInput): readonly Issue[] {
  const { extraArgs, audit } = kubernetes.apiServer;
  return Object.keys(extraArgs).flatMap((flag) => {
    const path = ['spec', 'kubernetes', 'apiServer', 'extraArgs', flag];
    if (audit !== undefined && flagsOf.audit.test(flag))
      return [error('flag-twice', path, `--${flag} is what apiServer.audit sets`, { at: 'key' })];
    if (kubernetes.encryptionAtRest !== undefined && flagsOf.encryptionAtRest.test(flag))
      return [error('flag-twice', path, `--${flag} is what encryptionAtRest sets`, { at: 'key' })];
    return [];
  });
}

/** https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#providers */
function keyUse({ encryptionAtRest }: KubernetesInput): readonly Issue[] {
  if (encryptionAtRest?.provider !== 'aesgcm') return [];
  const message = 'aesgcm is only safe when its key is rotated every 200,000 writes; secretbox has no such limit';
  return [warning('encryption-provider', ['spec', 'kubernetes', 'encryptionAtRest', 'provider'], message)];
}
