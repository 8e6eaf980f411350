import { type Containerd, pauseImage } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { CONTROL_NODE, draft, type Ref, sameHost } from '../../plan/index.js';
import {
  criReady,
  daemonReload,
  enableService,
  fileChecksum,
  fileDigest,
  renderTemplate,
  restartService,
  type StepContext,
  writeFile,
} from '../../step/index.js';
import { placeArchive, placeBinary } from '../artifacts.js';
import { type Fragment, nodeHosts, type PlanContext } from '../context.js';
import { osReady, runtimeReady } from '../milestones.js';
import { uploadSmallFile } from '../pki.js';
import { caPath, containerdConfig, hostsToml } from './containerd-config.js';

const service = 'containerd.service';
const unit = `${hostPaths.units}/${service}`;
const { config, certs, socket } = hostPaths.containerd;

/** containerd with runc, CNI plugins and crictl on every node, verified over CRI. */
export function planContainerd(ctx: PlanContext, runtime: Containerd): Fragment {
  const hosts = nodeHosts(ctx);
  const g = draft<StepContext>('install-containerd');
  const containerd = placeArchive(
    { g, ctx, component: { name: 'containerd', version: runtime.version }, hosts },
    hostPaths.bin,
  );
  const runc = placeBinary(
    { g, ctx, component: { name: 'runc', version: runtime.runcVersion }, hosts },
    `${hostPaths.sbin}/runc`,
  );
  const plugins = placeArchive(
    { g, ctx, component: { name: 'cni-plugins', version: runtime.cniPluginsVersion }, hosts },
    hostPaths.cniBin,
  );
  const crictl = placeArchive(
    { g, ctx, component: { name: 'crictl', version: runtime.crictlVersion }, hosts },
    hostPaths.bin,
  );
  const configured = g.add(
    'write-config',
    hosts,
    writeFile({
      content: containerdConfig({
        version: runtime.version,
        sandboxImage: pauseImage(ctx.cluster),
        extraConfig: runtime.containerd.extraConfig,
      }),
      target: config,
    }),
  );
  const registries = registryFiles(g, ctx);
  const endpoints = g.add(
    'write-crictl-config',
    hosts,
    writeFile({
      content: `runtime-endpoint: ${socket}\nimage-endpoint: ${socket}\ntimeout: 10\n`,
      target: hostPaths.crictlConfig,
    }),
  );
  const written = g.add(
    'write-unit',
    hosts,
    renderTemplate({ template: 'containerd/containerd.service', data: {}, target: unit }),
  );
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [service] }), { after: sameHost(written) });
  const enabled = g.add('enable', hosts, enableService({ service }), { after: sameHost(reloaded) });
  // certs.d is read at each pull: a changed mirror needs no restart.
  const started = g.add(
    'start',
    hosts,
    restartService({ service, inputs: [config, unit, `${hostPaths.bin}/containerd`] }),
    {
      after: sameHost([containerd, runc, configured, enabled, osReady]),
    },
  );
  const verified = g.add('verify', hosts, criReady({ endpoint: socket }), {
    after: sameHost([started, crictl, endpoints, plugins, ...registries]),
  });
  g.provide(runtimeReady, verified);
  return g.done();
}

function registryFiles(g: ReturnType<typeof draft<StepContext>>, ctx: PlanContext): Ref[] {
  const hosts = nodeHosts(ctx);
  const { registry } = ctx.cluster.spec;
  const files = hostsToml(registry).map(({ registry: name, content }) =>
    g.add(`write-registry-${slug(name)}`, hosts, writeFile({ content, target: `${certs}/${name}/hosts.toml` })),
  );
  const authorities = Object.entries(registry.caFiles).map(([name, source]) => {
    const known = g.add(
      `checksum-ca-${slug(name)}`,
      [CONTROL_NODE],
      fileChecksum({ path: source, output: fileDigest(source) }),
    );
    return g.add(`upload-ca-${slug(name)}`, hosts, uploadSmallFile({ source, target: caPath(name), mode: 0o644 }), {
      after: known,
    });
  });
  return [...files, ...authorities];
}

function slug(registry: string): string {
  return registry.replaceAll(/[^A-Za-z0-9.-]/g, '-');
}
