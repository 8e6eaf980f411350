import {
  appendFile,
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KubexmError, unreachable } from '../../../src/errors/index.js';
import { aptSettings } from '../../hosts/apt-source.js';
import { mustRun } from '../../hosts/command.js';
import { rootfsRecipe } from '../../hosts/recipe.js';
import { cachedDirectory, keyOf } from '../build/cache.js';
import { debianRepository } from '../build/machine.js';
import { labSource, machineArchitecture, mirrorCacheDir } from '../locations.js';
import type { Image } from './image-table.js';

type Log = (line: string) => void;

const haproxyPackages = ['haproxy', 'busybox-static'];

/** Of upstream's image: a command that begins with a dash is for haproxy, which stays in the foreground under a master. */
const haproxyEntrypoint = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then
  set -- haproxy "$@"
fi
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
`;

const networkPackages = ['iptables', 'nftables', 'conntrack', 'kmod', 'ipset', 'busybox-static'];

/** What an unpacked package brings that no program of the image reads. */
const notNeeded = [
  'etc/apt',
  'usr/share',
  'usr/lib/systemd',
  'var/cache',
  'var/lib/apt',
  'var/lib/dpkg',
  'var/log',
  'dev',
];

/** Files of this machine that the unpacking copies. */
const ofThisMachine = ['etc/hostname', 'etc/resolv.conf', 'etc/fstab'];

/** Commands that Debian's alternatives system would have linked. */
const iptablesCommands = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);

const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
};

/** The cached root filesystem that an image stands on; undefined for the one that is empty. */
export async function rootOf({ base, tag }: Pick<Image, 'base' | 'tag'>, log: Log): Promise<string | undefined> {
  switch (base) {
    case 'none':
      return undefined;
    case 'network':
      return networkRoot(log);
    case 'busybox':
      return busyboxRoot(log);
    case 'haproxy':
      return haproxyRoot(tag, log);
    default:
      return unreachable(base);
  }
}

/** A root filesystem with iptables (on nf_tables), nft, conntrack, ipset and a shell, from Debian's packages. */
async function networkRoot(log: Log): Promise<string> {
  const key = keyOf(rootfsRecipe.suite, networkPackages, notNeeded, ofThisMachine, accounts);
  return cachedDirectory(mirrorCacheDir('roots', `network-${machineArchitecture()}-${key}`), async (root) => {
    await unpack(root, networkPackages, log);
    for (const command of iptablesCommands) await linkUnlessThere(root, 'xtables-nft-multi', `usr/sbin/${command}`);
  });
}

/** Debian's haproxy with what upstream's image has around it: its user, its directories and its entrypoint. */
async function haproxyRoot(version: string, log: Log): Promise<string> {
  const key = keyOf(
    rootfsRecipe.suite,
    version,
    haproxyPackages,
    haproxyEntrypoint,
    notNeeded,
    ofThisMachine,
    accounts,
  );
  return cachedDirectory(mirrorCacheDir('roots', `haproxy-${machineArchitecture()}-${key}`), async (root) => {
    await unpack(root, haproxyPackages, log);
    const said = await mustRun(['chroot', root, '/usr/sbin/haproxy', '-v']);
    if (!said.startsWith(`HAProxy version ${version}-`)) {
      throw new KubexmError('LAB_FAILED', `Debian ${rootfsRecipe.suite} has no haproxy ${version} any more`, {
        details: said.trim().split('\n').slice(0, 1),
        hint: 'change its version in lab/mirror/catalogue.ts',
      });
    }
    await appendFile(join(root, 'etc/passwd'), 'haproxy:x:99:99::/var/lib/haproxy:/bin/false\n');
    await appendFile(join(root, 'etc/group'), 'haproxy:x:99:\n');
    for (const directory of ['usr/local/bin', 'usr/local/etc/haproxy', 'var/lib/haproxy']) {
      await mkdir(join(root, directory), { recursive: true });
    }
    await writeFile(join(root, 'usr/local/bin/docker-entrypoint.sh'), haproxyEntrypoint, { mode: 0o755 });
    await chmod(join(root, 'usr/local/bin/docker-entrypoint.sh'), 0o755);
  });
}

/** Debian's packages and what they depend on, without what no program reads, as an image's root filesystem. */
async function unpack(root: string, packages: readonly string[], log: Log): Promise<void> {
  log(`unpacking ${packages.join(' ')} for the images that need them …`);
  const source = await debianRepository();
  const settings = `${root}.apt.conf`;
  await writeFile(settings, await aptSettings());
  // The extract variant runs no maintainer scripts: what they would have linked is linked below.
  await mustRun([
    'mmdebstrap',
    '--variant=extract',
    `--architectures=${machineArchitecture()}`,
    `--include=${packages.join(',')}`,
    '--format=directory',
    `--aptopt=${settings}`,
    rootfsRecipe.suite,
    root,
    source,
  ]);
  await rm(settings);
  for (const path of [...notNeeded, ...ofThisMachine]) await rm(join(root, path), { recursive: true, force: true });
  for (const directory of ['bin', 'sbin', 'lib', 'lib64']) await linkUnlessThere(root, `usr/${directory}`, directory);
  for (const tool of await busyboxTools(root)) await linkUnlessThere(root, 'busybox', `usr/bin/${tool}`);
  await addAccounts(root);
}

/** A root filesystem with a static busybox and the names of all its tools. */
async function busyboxRoot(log: Log): Promise<string> {
  const network = await networkRoot(log);
  const key = keyOf(network);
  return cachedDirectory(mirrorCacheDir('roots', `busybox-${machineArchitecture()}-${key}`), async (root) => {
    await mkdir(join(root, 'bin'), { recursive: true });
    await copyFile(join(network, 'usr/bin/busybox'), join(root, 'bin/busybox'));
    for (const tool of await busyboxTools(network)) await linkUnlessThere(root, 'busybox', `bin/${tool}`);
    await addAccounts(root);
  });
}

/** Where the pause program is, the process that holds a pod's namespaces; its name changes with its source. */
export async function pauseDirectory(): Promise<string> {
  return mirrorCacheDir('builds', `pause-${machineArchitecture()}-${keyOf(await readFile(pauseSource(), 'utf8'))}`);
}

/** Compiles it unless it is there. */
export async function pausePrograms(): Promise<string> {
  return cachedDirectory(await pauseDirectory(), async (directory) => {
    await mustRun(['gcc', '-static', '-Os', '-s', '-o', join(directory, 'pause'), pauseSource()]);
  });
}

function pauseSource(): string {
  return labSource('mirror', 'images', 'pause.c');
}

/** A layer with one program, its directories, and what every root filesystem needs. */
export async function programLayer(
  { programFile, path, tarFile }: { programFile: string; path: string; tarFile: string },
  scratch: string,
): Promise<void> {
  const target = join(scratch, path);
  await mkdir(dirname(target), { recursive: true });
  await link(programFile, target);
  await addAccounts(scratch);
  await tarRoot(scratch, tarFile);
  await rm(scratch, { recursive: true });
}

/** Same files, same bytes: the layer's digest is its name in the registry. */
export async function tarRoot(root: string, tarFile: string): Promise<void> {
  const entries = (await readdir(root)).sort();
  const fixed = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=gnu'];
  await mustRun(['tar', ...fixed, '--hard-dereference', '-cf', tarFile, '-C', root, ...entries]);
}

async function addAccounts(root: string): Promise<void> {
  await mkdir(join(root, 'etc'), { recursive: true });
  for (const [path, text] of Object.entries(accounts)) await writeFile(join(root, path), text);
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
}

async function busyboxTools(root: string): Promise<string[]> {
  return (await mustRun([join(root, 'usr/bin/busybox'), '--list'])).trim().split('\n');
}

async function linkUnlessThere(root: string, to: string, path: string): Promise<void> {
  const target = join(root, path);
  const there = await lstat(target).catch(() => undefined);
  if (there === undefined) await symlink(to, target);
}
