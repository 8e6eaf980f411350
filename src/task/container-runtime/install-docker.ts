import { type Docker, pauseImage } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { type HostName, type Ref, sameHost } from '../../plan/index.js';
import {
  addPackageRepository,
  daemonReload,
  enableService,
  installPackage,
  type PackageManager,
  type PackageRepository,
  removePackage,
  renderTemplate,
  restartService,
  startService,
  updatePackageCache,
  writeFile,
} from '../../step/index.js';
import { placeArchive } from '../artifacts.js';
import { factsOf, type PlanContext } from '../context.js';
import { osReady } from '../milestones.js';
import { fewAtOnce, placeTools, type RuntimeDraft } from './common.js';
import { daemonJson } from './docker-config.js';
import { conflictingPackages, packageRepository, packageSpecs } from './docker-packages.js';
import { writeRegistries } from './registry.js';

const { config, socket: dockerSocket } = hostPaths.docker;
const cri = { service: 'cri-dockerd.service', socket: 'cri-dockerd.socket' };
const criUnit = `${hostPaths.units}/${cri.service}`;
const criSocketUnit = `${hostPaths.units}/${cri.socket}`;

/** docker from packages, and cri-dockerd through which the kubelet reaches it. runc and containerd are docker's own. */
export function planDocker(draft: RuntimeDraft<Docker>): void {
  installCriDockerd(draft, installDocker(draft));
  placeTools(draft);
  writeRegistries(draft);
}

/** docker alone, as the host's package manager has it. The result: it runs with its configuration. */
export function installDocker(draft: RuntimeDraft<Docker>): Ref {
  const { g, ctx, runtime, hosts } = draft;
  const managers = new Map(hosts.map((host) => [host, managerOf(ctx, host)]));
  const of = (host: HostName): PackageManager => managers.get(host) ?? 'apt';
  const removed = g.addEach(
    'remove-conflicting-packages',
    hosts,
    (host) =>
      removePackage(
        { packages: conflictingPackages(runtime.docker, of(host)), manager: of(host) },
        { title: 'Remove packages that conflict with docker' },
      ),
    { after: sameHost(osReady) },
  );
  const repositories = new Map(
    hosts.flatMap((host) => {
      const repository = packageRepository(runtime, host, factsOf(ctx, host), of(host));
      return repository === undefined ? [] : [[host, withChecksum(ctx, repository)] as const];
    }),
  );
  const known = g.addEach(
    'add-repository',
    [...repositories.keys()],
    (host) => addPackageRepository(repositories.get(host) as PackageRepository),
    { after: sameHost(removed) },
  );
  const listed = g.addEach(
    'refresh-package-lists',
    hosts,
    (host) => updatePackageCache({ packages: packageSpecs(runtime, of(host)), manager: of(host) }),
    { after: sameHost([removed, known], { where: 'present' }) },
  );
  // Before the packages: they start docker as soon as they are there.
  const configured = g.add(
    'write-daemon-config',
    hosts,
    writeFile({
      content: daemonJson({ registry: ctx.cluster.spec.registry, extraConfig: runtime.docker.extraConfig }),
      target: config,
    }),
  );
  const installed = g.addEach(
    'install-packages',
    hosts,
    (host) => installPackage({ packages: packageSpecs(runtime, of(host)), manager: of(host) }, fewAtOnce(draft)),
    { after: sameHost([listed, configured]) },
  );
  const enabled = g.add('enable-docker', hosts, enableService({ service: 'docker.service' }), {
    after: sameHost(installed),
  });
  return g.add(
    'start-docker',
    hosts,
    restartService({ service: 'docker.service', inputs: [config] }, fewAtOnce(draft)),
    {
      after: sameHost([enabled, osReady]),
    },
  );
}

function installCriDockerd({ g, ctx, runtime, hosts }: RuntimeDraft<Docker>, daemon: Ref): void {
  const program = placeArchive(
    { g, ctx, component: { name: 'cri-dockerd', version: runtime.criDockerdVersion }, hosts },
    hostPaths.bin,
  );
  const service = g.add(
    'write-cri-dockerd-service',
    hosts,
    renderTemplate({
      template: 'cri-dockerd/cri-dockerd.service',
      data: {
        dockerSocket,
        cniBin: hostPaths.cniBin,
        cniConfig: hostPaths.cniConfig,
        sandboxImage: pauseImage(ctx.cluster),
      },
      target: criUnit,
    }),
  );
  const socket = g.add(
    'write-cri-dockerd-socket',
    hosts,
    renderTemplate({
      template: 'cri-dockerd/cri-dockerd.socket',
      data: { path: hostPaths.criDockerdSocket.replace('unix://', '') },
      target: criSocketUnit,
    }),
  );
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [cri.service, cri.socket] }), {
    after: sameHost([service, socket]),
  });
  const enabled = [cri.socket, cri.service].map((unit) =>
    g.add(`enable-${unit}`, hosts, enableService({ service: unit }), { after: sameHost(reloaded) }),
  );
  const listening = g.add('listen', hosts, startService({ service: cri.socket }), { after: sameHost(enabled) });
  g.add(
    'start-cri-dockerd',
    hosts,
    restartService({ service: cri.service, inputs: [criUnit, criSocketUnit, `${hostPaths.bin}/cri-dockerd`] }),
    { after: sameHost([program, listening, daemon]) },
  );
}

function managerOf(ctx: PlanContext, host: HostName): PackageManager {
  const { packageManager } = factsOf(ctx, host);
  if (packageManager !== undefined) return packageManager;
  throw new KubexmError('HOST_UNSUPPORTED', `${host} has none of apt, dnf, yum and zypper to install docker with`, {
    hint: 'set containerRuntime.type to containerd, which needs no packages',
    retryable: false,
  });
}

/** A key that the config knows the digest of is compared with it; one that anybody on the way could replace must be. */
function withChecksum({ download }: PlanContext, repository: PackageRepository): PackageRepository {
  const { type, keyUrl } = repository;
  const keySha256 = download.checksums[keyUrl];
  if (type === 'apt' && keySha256 !== undefined) return { ...repository, keySha256 };
  if (keyUrl.startsWith('https://')) return repository;
  throw new KubexmError('CONFIG_INVALID', `nothing vouches for the key ${keyUrl}: it does not come over https`, {
    hint:
      type === 'apt'
        ? `give its digest: spec.download.checksums: { "${keyUrl}": <sha256> }`
        : 'give an https address as docker.repository.keyUrl',
    retryable: false,
  });
}
