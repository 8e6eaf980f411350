import * as z from 'zod';
import { cidr, imageReference, text, versionWithV } from './formats.js';
import { compact } from './objects.js';
import type { Network } from './types.js';
import type { VersionSet } from './versions.js';

export const networkSchema = z.strictObject({
  plugin: z
    .enum(['flannel', 'none'])
    .default('flannel')
    .describe('Network of the pods; `none`: you install one by yourself.'),
  kubePodsCIDR: cidr.default('10.233.64.0/18').describe('Addresses of pods.'),
  kubeServiceCIDR: cidr.default('10.233.0.0/18').describe('Addresses of services.'),
  flannel: z
    .strictObject({
      version: versionWithV('v0.28.4').optional().describe('Version of flannel; default: see the table of versions.'),
      cniPluginVersion: text(/^v\d+\.\d+\.\d+-flannel\d+$/, 'a version of the plugin such as v1.9.1-flannel1')
        .optional()
        .describe('Version of the flannel CNI plugin; default: see the table of versions.'),
      backend: z
        .enum(['vxlan', 'host-gw'])
        .default('vxlan')
        .describe('`host-gw` is faster and needs all hosts in one network segment.'),
      image: imageReference.optional().describe('Whole name of the flannel image.'),
      cniPluginImage: imageReference.optional().describe('Whole name of the image of the CNI plugin.'),
    })
    .prefault({})
    .describe('Settings of flannel.'),
});

export type NetworkInput = z.output<typeof networkSchema>;

export function resolveNetwork(input: NetworkInput, versions: VersionSet): Network {
  const { kubePodsCIDR, kubeServiceCIDR, flannel } = input;
  if (input.plugin === 'none') return { plugin: 'none', kubePodsCIDR, kubeServiceCIDR };
  const resolved = compact({
    version: flannel.version ?? versions.flannel,
    cniPluginVersion: flannel.cniPluginVersion ?? versions.flannelCniPlugin,
    backend: flannel.backend,
    image: flannel.image,
    cniPluginImage: flannel.cniPluginImage,
  });
  return { plugin: 'flannel', kubePodsCIDR, kubeServiceCIDR, flannel: resolved };
}
