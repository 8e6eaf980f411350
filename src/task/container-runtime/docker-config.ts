import type { JsonObject, Registry } from '../../apis/kubexms/v1alpha1/index.js';
import { deepMerge } from '../../util/deep-merge.js';

/** What kubexm wants of docker. https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file */
interface DaemonJson {
  readonly 'exec-opts': readonly string[];
  readonly 'log-driver': string;
  readonly 'log-opts': Readonly<Record<string, string>>;
  readonly 'storage-driver': string;
  /** Containers live on while dockerd restarts. */
  readonly 'live-restore': boolean;
  /** Of docker.io alone: docker knows no mirrors of other registries. */
  readonly 'registry-mirrors'?: readonly string[];
  readonly 'insecure-registries'?: readonly string[];
}

/** The text of daemon.json, with the user's own keys laid upon it. */
export function daemonJson({
  registry,
  extraConfig,
}: {
  readonly registry: Pick<Registry, 'mirrors' | 'insecure'>;
  readonly extraConfig: JsonObject;
}): string {
  const mirrors = registry.mirrors['docker.io'] ?? [];
  const base: DaemonJson = {
    'exec-opts': ['native.cgroupdriver=systemd'],
    'log-driver': 'json-file',
    'log-opts': { 'max-size': '100m', 'max-file': '3' },
    'storage-driver': 'overlay2',
    'live-restore': true,
    ...(mirrors.length > 0 ? { 'registry-mirrors': mirrors } : {}),
    ...(registry.insecure.length > 0 ? { 'insecure-registries': registry.insecure } : {}),
  };
  return `${JSON.stringify(deepMerge({ ...base }, extraConfig), null, 2)}\n`;
}
