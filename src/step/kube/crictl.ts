import { hostPaths } from '../../common/host-paths.js';
import { type ShellCommand, sh } from '../../runner/index.js';

/** crictl on a container runtime's socket, `unix:///run/containerd/containerd.sock`. */
export function crictl(endpoint: string, args: readonly string[]): ShellCommand {
  return sh`${hostPaths.bin}/crictl --runtime-endpoint=${endpoint} --image-endpoint=${endpoint} ${args}`;
}
