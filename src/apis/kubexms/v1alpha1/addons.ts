import * as z from 'zod';
import { dnsLabel } from './formats.js';
import type { PathExpander } from './paths.js';
import type { Addon } from './types.js';

export const addonSchema = z.strictObject({
  name: dnsLabel.describe('Name of the addon.'),
  manifests: z
    .array(z.string().min(1))
    .min(1)
    .describe('Files on the control machine or https URLs, applied in order.'),
});

export type AddonInput = z.output<typeof addonSchema>;

export function resolveAddons(addons: readonly AddonInput[], expandPath: PathExpander): readonly Addon[] {
  const located = (manifest: string) => (/^https?:\/\//.test(manifest) ? manifest : expandPath(manifest));
  return addons.map(({ name, manifests }) => ({ name, manifests: manifests.map(located) }));
}
