import { error, type Issue, warning } from '../issue.js';
import { isOlder, minorOf } from '../versions.js';
import type { Check } from './context.js';

/** What docker cannot do, and what only one host asks for. */
export const checkRuntimes: Check = {
  relies: ['hosts', 'kubernetes', 'registry'],
  find: ({ input: { spec } }) => {
    const { containerRuntime: cluster, version } = spec.kubernetes;
    const hosts = spec.hosts.map(({ containerRuntime: own = {} }, index) => {
      const type = own.type ?? cluster.type;
      return { type, own, path: ['spec', 'hosts', index, 'containerRuntime'] };
    });
    const issues: Issue[] = hosts.flatMap(({ type, own, path }) =>
      type === 'containerd' && minorOf(version) >= 36 && isOlder(own.version ?? '2.0.0', '2.0.0')
        ? [error('containerd-version', [...path, 'version'], 'Kubernetes v1.36 and newer need containerd 2')]
        : [],
    );
    const others = Object.keys(spec.registry.mirrors).filter((registry) => registry !== 'docker.io');
    if (others.length > 0 && hosts.some(({ type }) => type === 'docker')) {
      const message = `docker mirrors docker.io alone: on hosts with docker, images of ${others.join(', ')} come from where their names say; kubernetes.imageRepository may name a registry of yours`;
      issues.push(warning('docker-mirrors', ['spec', 'registry', 'mirrors'], message));
    }
    return issues;
  },
};
