import { type Containerd, pauseImage } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { sameHost } from '../../plan/index.js';
import { daemonReload, enableService, renderTemplate, restartService, writeFile } from '../../step/index.js';
import { placeArchive, placeBinary } from '../artifacts.js';
import { osReady } from '../milestones.js';
import { fewAtOnce, placeTools, type RuntimeDraft } from './common.js';
import { containerdConfig } from './containerd-config.js';
import { drainedFirst } from './drained-restart.js';
import { writeRegistries } from './registry.js';

const service = 'containerd.service';
const unit = `${hostPaths.units}/${service}`;
const { config } = hostPaths.containerd;

/** containerd with runc, CNI plugins and crictl. */
export function planContainerd(draft: RuntimeDraft<Containerd>): void {
  const { g, ctx, runtime, hosts } = draft;
  const containerd = placeArchive(
    { g, ctx, component: { name: 'containerd', version: runtime.version }, hosts },
    hostPaths.bin,
  );
  const runc = placeBinary(
    { g, ctx, component: { name: 'runc', version: runtime.runcVersion }, hosts },
    `${hostPaths.sbin}/runc`,
  );
  placeTools(draft);
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
  writeRegistries(draft);
  const written = g.add(
    'write-unit',
    hosts,
    renderTemplate({ template: 'containerd/containerd.service', data: {}, target: unit }),
  );
  const reloaded = g.add('daemon-reload', hosts, daemonReload({ units: [service] }), { after: sameHost(written) });
  const enabled = g.add('enable', hosts, enableService({ service }), { after: sameHost(reloaded) });
  // Pods live on while it restarts. certs.d is read at each pull: a changed mirror needs no restart.
  const restart = { service, inputs: [config, unit, `${hostPaths.bin}/containerd`] };
  const placed = [containerd, runc, configured, enabled];
  const empty = drainedFirst(draft, { restart, after: placed });
  g.add('start', hosts, restartService(restart, fewAtOnce(draft)), {
    after: [sameHost([...placed, osReady]), ...empty],
  });
}
