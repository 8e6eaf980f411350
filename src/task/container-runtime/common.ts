import type { ContainerRuntime } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import type { Draft, HostName } from '../../plan/index.js';
import { type StepContext, type StepOverrides, writeFile } from '../../step/index.js';
import { placeArchive } from '../artifacts.js';
import type { PlanContext } from '../context.js';
import { endpointOf } from './runtime-hosts.js';

/** Part of a plan of a runtime on some hosts. */
export interface RuntimeDraft<R extends ContainerRuntime> {
  readonly g: Draft<StepContext>;
  readonly ctx: PlanContext;
  readonly runtime: R;
  readonly hosts: readonly HostName[];
  /** Pods run in it: only some hosts at a time may be without it for a moment. */
  readonly inUse: boolean;
  /** Pods move away first where the config asks for it; whoever has emptied the nodes already says no. */
  readonly drains: boolean;
}

/** For the steps that a runtime in use does not answer during. */
export function fewAtOnce({ inUse }: { readonly inUse: boolean }): StepOverrides {
  return inUse ? { uses: ['runtime-change'] } : {};
}

/** What every runtime needs beside itself: CNI plugins, and crictl that knows where it is. */
export function placeTools({ g, ctx, runtime, hosts }: RuntimeDraft<ContainerRuntime>): void {
  const { socket } = endpointOf(runtime.type);
  placeArchive(
    { g, ctx, component: { name: 'cni-plugins', version: runtime.cniPluginsVersion }, hosts },
    hostPaths.cniBin,
  );
  placeArchive({ g, ctx, component: { name: 'crictl', version: runtime.crictlVersion }, hosts }, hostPaths.bin);
  g.add(
    'write-crictl-config',
    hosts,
    writeFile({
      content: `runtime-endpoint: ${socket}\nimage-endpoint: ${socket}\ntimeout: 10\n`,
      target: hostPaths.crictlConfig,
    }),
  );
}
