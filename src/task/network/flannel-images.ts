import type { Network } from '../../apis/kubexms/v1alpha1/index.js';

/** flannel's own image and that of its CNI plugin; none with another network. */
export function flannelImages(network: Network): readonly string[] {
  if (network.plugin !== 'flannel') return [];
  const { image, cniPluginImage } = flannelImage(network.flannel);
  return [image, cniPluginImage];
}

/** The config's references, else flannel's own registry at the config's versions. */
export function flannelImage(flannel: {
  readonly version: string;
  readonly cniPluginVersion: string;
  readonly image?: string;
  readonly cniPluginImage?: string;
}): { readonly image: string; readonly cniPluginImage: string } {
  return {
    image: flannel.image ?? `ghcr.io/flannel-io/flannel:${flannel.version}`,
    cniPluginImage: flannel.cniPluginImage ?? `ghcr.io/flannel-io/flannel-cni-plugin:${flannel.cniPluginVersion}`,
  };
}
