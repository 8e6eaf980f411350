import * as z from 'zod';
import { containerRuntimeSchema, resolveContainerRuntime } from './container-runtime.js';
import {
  addressOrName,
  dnsLabel,
  dnsName,
  extraArgs,
  extraConfig,
  imageReference,
  text,
  texts,
  versionWithV,
} from './formats.js';
import { compact } from './objects.js';
import type { Kubernetes } from './types.js';
import { defaultKubernetesVersion, versionsFor } from './versions.js';

export const kubernetesSchema = z.strictObject({
  version: versionWithV(defaultKubernetesVersion)
    .default(defaultKubernetesVersion)
    .describe('Version of Kubernetes, with v.'),
  clusterName: dnsLabel.default('kubernetes').describe('Name of the cluster inside Kubernetes and in kubeconfigs.'),
  dnsDomain: dnsName.default('cluster.local').describe('DNS domain of services.'),
  imageRepository: imageReference.default('registry.k8s.io').describe('Where the images of Kubernetes come from.'),
  containerRuntime: containerRuntimeSchema.prefault({}).describe('What runs containers.'),
  apiServer: z
    .strictObject({
      certExtraSans: z.array(addressOrName).default([]).describe('More names and addresses for its certificate.'),
      extraArgs,
    })
    .prefault({})
    .describe('Settings of kube-apiserver.'),
  controllerManager: z.strictObject({ extraArgs }).prefault({}).describe('Settings of kube-controller-manager.'),
  scheduler: z.strictObject({ extraArgs }).prefault({}).describe('Settings of kube-scheduler.'),
  kubelet: z
    .strictObject({ extraConfig: extraConfig.describe('Merged into the KubeletConfiguration.'), extraArgs })
    .prefault({})
    .describe('Settings of the kubelet.'),
  kubeProxy: z
    .strictObject({
      mode: z.enum(['iptables', 'ipvs', 'nftables']).default('iptables').describe('How services are forwarded.'),
      extraConfig: extraConfig.describe('Merged into the KubeProxyConfiguration.'),
    })
    .prefault({})
    .describe('Settings of kube-proxy.'),
  dns: z
    .strictObject({
      imageRepository: imageReference.optional().describe('Where the CoreDNS image comes from.'),
      imageTag: text(/^[\w.-]{1,128}$/, 'an image tag such as v1.12.1')
        .optional()
        .describe('Tag of the CoreDNS image.'),
    })
    .prefault({})
    .describe('Settings of CoreDNS.'),
  featureGates: z.record(z.string(), z.boolean()).default({}).describe('Feature gates of all components.'),
});

export type KubernetesInput = z.output<typeof kubernetesSchema>;

export function resolveKubernetes(input: KubernetesInput): Kubernetes {
  return {
    ...input,
    containerRuntime: resolveContainerRuntime(input.containerRuntime, versionsFor(input.version)),
    apiServer: { ...input.apiServer, extraArgs: texts(input.apiServer.extraArgs) },
    controllerManager: { extraArgs: texts(input.controllerManager.extraArgs) },
    scheduler: { extraArgs: texts(input.scheduler.extraArgs) },
    kubelet: { ...input.kubelet, extraArgs: texts(input.kubelet.extraArgs) },
    dns: compact(input.dns),
  };
}
