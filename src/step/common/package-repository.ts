import { createHash } from 'node:crypto';
import { hostMarks } from '../../common/host-marks.js';
import { KubexmError } from '../../errors/index.js';
import type { Precheck } from '../../plan/index.js';
import { allOf, sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { packageFailure } from './package-failure.js';

/** One repository in files of its own, named after `name`. `keySha256`: what the key's digest must be. */
export type PackageRepository = AptRepository | RpmRepository;

interface AptRepository {
  readonly type: 'apt';
  readonly name: string;
  readonly url: string;
  readonly keyUrl: string;
  readonly keySha256?: string;
  /** Default: the codename of the host's distribution. One that ends in a slash is a directory and has no component. */
  readonly suite?: string;
  readonly component: string;
}

interface RpmRepository {
  readonly type: 'rpm';
  readonly manager: 'dnf' | 'yum' | 'zypper';
  readonly name: string;
  /** May have $releasever and $basearch in it. */
  readonly url: string;
  readonly keyUrl: string;
}

const keyrings = '/etc/apt/keyrings';

/** Makes a package repository known to the host's package manager, with the key that signs it and no other repository. */
export const addPackageRepository = defineStep<PackageRepository>({
  kind: 'package.repository',
  title: (p) => `Add the package repository ${p.url}`,
  policy: { attempts: 3, backoffMs: 3000 },
  async precheck(ctx, p): Promise<Precheck<undefined>> {
    const { host, signal } = ctx;
    const found = await host.readFile(sourceFile(p), { signal });
    if (found === undefined) return needed('it is not known');
    if (p.type === 'rpm') return found === rpmSource(p) ? satisfied('it is known') : needed('it is known otherwise');
    const suite = await suiteOf(ctx, p);
    const keyring = [keyringOf(p, 'asc'), keyringOf(p, 'gpg')].find((path) => found === aptSource(p, suite, path));
    if (keyring === undefined) return needed('it is known otherwise');
    const key = await host.stat(keyring, { sha256: true, signal });
    if (key === undefined) return needed('its key is missing');
    return p.keySha256 === undefined || key.sha256 === p.keySha256
      ? satisfied('it is known, with its key')
      : needed('its key is another one');
  },
  async run(ctx, p) {
    const { host, signal } = ctx;
    if (p.type === 'rpm') {
      await host.writeFile(sourceFile(p), rpmSource(p), { mode: 0o644, signal });
      return;
    }
    const suite = await suiteOf(ctx, p);
    const keyring = await fetchKey(ctx, p);
    await host.writeFile(sourceFile(p), aptSource(p, suite, keyring), { mode: 0o644, signal });
  },
});

function sourceFile(p: PackageRepository): string {
  if (p.type === 'apt') return `/etc/apt/sources.list.d/kubexm-${p.name}.sources`;
  return `${p.manager === 'zypper' ? '/etc/zypp/repos.d' : '/etc/yum.repos.d'}/kubexm-${p.name}.repo`;
}

function keyringOf(p: AptRepository, extension: 'asc' | 'gpg'): string {
  return `${keyrings}/kubexm-${p.name}.${extension}`;
}

/** https://manpages.debian.org/sources.list.5: the deb822 style. */
function aptSource(p: AptRepository, suite: string, keyring: string): string {
  const lines = [
    hostMarks.generated,
    `# ${p.keyUrl}`,
    'Types: deb',
    `URIs: ${p.url}`,
    `Suites: ${suite}`,
    ...(suite.endsWith('/') ? [] : [`Components: ${p.component}`]),
    `Signed-By: ${keyring}`,
  ];
  return `${lines.join('\n')}\n`;
}

function rpmSource({ name, url, keyUrl }: RpmRepository): string {
  const lines = [
    hostMarks.generated,
    `[kubexm-${name}]`,
    `name=${name} (kubexm)`,
    `baseurl=${url}`,
    'enabled=1',
    'gpgcheck=1',
    `gpgkey=${keyUrl}`,
  ];
  return `${lines.join('\n')}\n`;
}

async function suiteOf({ host, signal }: StepContext, { suite }: AptRepository): Promise<string> {
  if (suite !== undefined) return suite;
  const { stdout } = await host.run(sh`. /etc/os-release; echo "\${VERSION_CODENAME:-}"`, { signal });
  if (stdout.trim() !== '') return stdout.trim();
  throw new KubexmError('HOST_UNSUPPORTED', `${host.name} does not say the codename of its distribution`, {
    hint: 'set docker.repository.suite in the config',
    retryable: false,
  });
}

/** apt's own downloader: it is on every host that has apt, and knows apt's proxy. */
async function fetchKey(ctx: StepContext, p: AptRepository): Promise<string> {
  const { host, signal } = ctx;
  const temporary = `${keyrings}/kubexm-${p.name}.new`;
  const fetched = await host.tryRun(
    allOf(
      sh`(umask 022; mkdir -p ${keyrings})`,
      sh`rm -f ${temporary}`,
      sh`/usr/lib/apt/apt-helper download-file ${p.keyUrl} ${temporary}`,
    ),
    { signal, long: true },
  );
  if (fetched.exitCode !== 0) throw packageFailure(host.name, 'apt', fetched);
  const { stdout } = await host.run(sh`base64 -w0 ${temporary} && rm -f ${temporary}`, { signal });
  const key = Buffer.from(stdout.trim(), 'base64');
  const sha256 = createHash('sha256').update(key).digest('hex');
  if (p.keySha256 !== undefined && sha256 !== p.keySha256) {
    throw new KubexmError('ARTIFACT_CHECKSUM', `${host.name}: the key of ${p.url} is not the one that is expected`, {
      details: [`expected sha256 ${p.keySha256}`, `found    sha256 ${sha256}`],
      hint: `look at ${p.keyUrl}, then correct spec.download.checksums`,
      retryable: false,
    });
  }
  const isArmored = key.subarray(0, 64).toString('latin1').includes('-----BEGIN PGP PUBLIC KEY');
  // A binary key begins with a packet tag; an error page does not.
  if (!isArmored && ((key[0] ?? 0) & 0x80) === 0) {
    throw new KubexmError('ARTIFACT_CHECKSUM', `${host.name}: what ${p.keyUrl} gives is no key`, {
      details: [key.subarray(0, 80).toString('latin1').split('\n', 1)[0] ?? ''],
      hint: 'correct docker.repository.keyUrl in the config',
      retryable: false,
    });
  }
  const keyring = keyringOf(p, isArmored ? 'asc' : 'gpg');
  await host.writeFile(keyring, key, { mode: 0o644, signal });
  return keyring;
}
