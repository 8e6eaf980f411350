import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../../hosts/command.js';
import { rootfsRecipe } from '../../hosts/recipe.js';
import { cachedDirectory, keyOf } from '../build/cache.js';
import { debianRepository } from '../build/machine.js';
import { type Architecture, machineArchitecture, mirrorCacheDir } from '../locations.js';

const hostRelease = rootfsRecipe.suite;

/**
 * What hosts may install; everything these need comes along. Each group is resolved by itself, because packages that exclude each other cannot be
 * in one: a host may have the one that is in another's way.
 */
const packageGroups: readonly (readonly string[])[] = [
  [
    'bash-completion',
    'chrony',
    'conntrack',
    'docker-cli',
    'docker.io',
    'ebtables',
    'ethtool',
    'haproxy',
    'ipset',
    'ipvsadm',
    'jq',
    'keepalived',
    'nfs-common',
    'nftables',
    'rsync',
    'socat',
  ],
  // Other container runtimes than the cluster's: podman-docker is in the way of docker-cli.
  ['containerd', 'runc'],
  ['podman', 'podman-docker'],
  // Other keepers of the time than chrony, which exclude it and each other.
  ['systemd-timesyncd'],
  ['ntpsec'],
  // Firewalls of the host's own.
  ['firewalld'],
  ['ufw'],
];

/** Where the repository is below the mirror's files. */
export const aptPath = `apt/${hostRelease}`;

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Names all that the repository depends on. */
export function aptRepositoryKey(): string {
  return keyOf(hostRelease, packageGroups);
}

/** A flat apt repository of the downloaded packages with all they depend on. Fetched once; delete the cache for newer ones. */
export async function aptRepository(log: (line: string) => void): Promise<string> {
  const architecture = machineArchitecture();
  return cachedDirectory(
    mirrorCacheDir('packages', `${hostRelease}-${architecture}-${aptRepositoryKey()}`),
    async (directory) => {
      log(`downloading the Debian packages that hosts may install: ${packageGroups.flat().join(' ')} …`);
      await download(directory, architecture);
      // The index names files relative to where it is made.
      const inDirectory = ['env', '-C', directory];
      const index = await mustRun([...inDirectory, 'apt-ftparchive', 'packages', '.']);
      await writeFile(join(directory, 'Packages'), index);
      await mustRun(['gzip', '-n', '-k', join(directory, 'Packages')]);
      const about = ['Origin=kubexm-lab', 'Label=kubexm-lab', `Codename=${hostRelease}`, `Suite=${hostRelease}`];
      const options = about.flatMap((field) => ['-o', `APT::FTPArchive::Release::${field}`]);
      const release = await mustRun([...inDirectory, 'apt-ftparchive', ...options, 'release', '.']);
      await writeFile(join(directory, 'Release'), release);
    },
  );
}

/** Uses an apt of its own, which thinks that nothing is installed, so that the dependencies are all fetched. */
async function download(directory: string, architecture: Architecture): Promise<void> {
  const work = join(directory, 'work');
  for (const part of ['lists/partial', 'archives/partial', 'etc/preferences.d', 'etc/apt.conf.d']) {
    await mkdir(join(work, part), { recursive: true });
  }
  await writeFile(join(work, 'status'), '');
  const source = await debianRepository();
  await writeFile(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${source} ${hostRelease} main\n`);
  const options = {
    'Dir::State': work,
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': work,
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': 'root',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await mustRun(['apt-get', ...flags, 'update', '-q']);
  for (const packages of packageGroups) {
    const install = ['install', '-y', '-q', '--download-only', '--no-install-recommends', ...packages];
    await mustRun(['apt-get', ...flags, ...install]);
  }
  for (const name of await readdir(join(work, 'archives'))) {
    // apt writes an epoch's colon as %3a, which a URL would have to quote once more.
    if (name.endsWith('.deb')) await rename(join(work, 'archives', name), join(directory, name.replaceAll('%3a', '.')));
  }
  await rm(work, { recursive: true });
}
