import type { Docker } from '../../apis/kubexms/v1alpha1/index.js';
import { KubexmError, unreachable } from '../../errors/index.js';
import type { HostName } from '../../plan/index.js';
import type { HostFacts, PackageManager, PackageRepository, PackageSpec } from '../../step/index.js';

/** Docker's own, whose names no distribution uses. */
const dockersOwn = [
  'docker-ce',
  'docker-ce-cli',
  'docker-ce-rootless-extras',
  'containerd.io',
  'docker-buildx-plugin',
  'docker-compose-plugin',
];

/** Of distributions. https://docs.docker.com/engine/install/debian/#uninstall-old-versions and its neighbours. */
const distributionsOwn: Readonly<Record<PackageManager, readonly string[]>> = {
  apt: [
    'docker',
    'docker-engine',
    'docker.io',
    'docker-cli',
    'docker-buildx',
    'docker-compose',
    'docker-compose-v2',
    'docker-doc',
    'podman-docker',
    'containerd',
    'runc',
  ],
  dnf: dockerOfRedHat(),
  yum: dockerOfRedHat(),
  zypper: ['docker', 'docker-buildx', 'docker-compose', 'podman-docker', 'containerd', 'runc'],
};

function dockerOfRedHat(): readonly string[] {
  return [
    'docker',
    'docker-client',
    'docker-client-latest',
    'docker-common',
    'docker-latest',
    'docker-latest-logrotate',
    'docker-logrotate',
    'docker-engine',
    'podman-docker',
    'moby-engine',
    'containerd',
    'runc',
  ];
}

/** Packages that stand in the way of the wanted ones: a distribution's docker of Docker's own, and the reverse. */
export function conflictingPackages({ packages }: Docker['docker'], manager: PackageManager): readonly string[] {
  const wanted = packages.map((word) => word.split('=')[0] ?? word);
  const others = wanted.some((name) => dockersOwn.includes(name))
    ? distributionsOwn[manager]
    : [...dockersOwn, 'docker-engine', 'podman-docker'];
  return others.filter((name) => !wanted.includes(name));
}

/** The packages with their versions: those of docker-ce are the config's `version`, where they do not say their own. */
export function packageSpecs(runtime: Docker, manager: PackageManager): readonly PackageSpec[] {
  return runtime.docker.packages.map((word) => {
    const [name = word, version] = word.split('=');
    if (version !== undefined) return { name, version };
    if (name !== 'docker-ce' && name !== 'docker-ce-cli') return name;
    // Debian's tools compare the epoch; nobody writes it for rpm.
    return { name, version: `${manager === 'apt' ? '5:' : ''}${runtime.version}*` };
  });
}

/** The package repository that this host needs beside its own; undefined where none is wanted. */
export function packageRepository(
  { docker }: Docker,
  host: HostName,
  facts: HostFacts,
  manager: PackageManager,
): PackageRepository | undefined {
  const { repository } = docker;
  switch (repository.type) {
    case 'distribution':
      return undefined;
    case 'docker': {
      const url = `https://download.docker.com/linux/${dockersFolder(host, facts)}`;
      const keyUrl = `${url}/gpg`;
      return manager === 'apt'
        ? { name: 'docker', type: 'apt', url, keyUrl, component: 'stable' }
        : { name: 'docker', type: 'rpm', manager, url: `${url}/$releasever/$basearch/stable`, keyUrl };
    }
    case 'own': {
      const { url, keyUrl, suite, component = 'stable' } = repository;
      return manager === 'apt'
        ? { name: 'docker', type: 'apt', url, keyUrl, component, ...(suite === undefined ? {} : { suite }) }
        : { name: 'docker', type: 'rpm', manager, url, keyUrl };
    }
    default:
      return unreachable(repository);
  }
}

/** Where Docker keeps the packages of a distribution. */
function dockersFolder(host: HostName, { os }: HostFacts): string {
  const own = ['debian', 'ubuntu', 'raspbian', 'fedora', 'rhel'].find((id) => id === os.id);
  if (own !== undefined) return own;
  // What is built from RHEL runs what is built for CentOS.
  if (os.idLike.some((id) => ['rhel', 'centos', 'fedora'].includes(id)) || os.id === 'centos') return 'centos';
  throw new KubexmError('HOST_UNSUPPORTED', `${host}: Docker offers no packages for ${os.name}`, {
    hint: 'give the distribution its own packages (spec.kubernetes.containerRuntime.docker.packages: [docker.io]) or a repository (docker.repository)',
    retryable: false,
  });
}
