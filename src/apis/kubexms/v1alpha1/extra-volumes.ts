import * as z from 'zod';
import { absolutePath, dnsLabel } from './formats.js';
import { compact } from './objects.js';
import type { ExtraVolume } from './types.js';

/** Mounts of a static pod, in kubeadm's own shape. */
export const extraVolumes = z
  .array(
    z.strictObject({
      name: dnsLabel.describe('Name of the volume in the pod.'),
      hostPath: absolutePath.describe('What is mounted, on the control plane.'),
      mountPath: absolutePath.describe('Where the component finds it.'),
      readOnly: z.boolean().default(false).describe('The component cannot write there.'),
      pathType: z
        .enum(['DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'])
        .optional()
        .describe('What `hostPath` must be, or is made.'),
    }),
  )
  .default([])
  .describe('Files and directories of the control plane that the component sees.');

export function resolveVolumes(volumes: z.output<typeof extraVolumes>): readonly ExtraVolume[] {
  return volumes.map((volume) => compact(volume));
}
