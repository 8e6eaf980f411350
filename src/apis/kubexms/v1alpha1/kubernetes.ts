import * as z from 'zod';
import { auditSchema, resolveAudit } from './audit.js';
import { containerRuntimeSchema, resolveContainerRuntime } from './container-runtime.js';
import { encryptionAtRestSchema } from './encryption-at-rest.js';
import { extraVolumes, resolveVolumes } from './extra-volumes.js';
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
import type { PathExpander } from './paths.js';
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
      extraVolumes,
      audit: auditSchema.optional().describe('What is written down of requests; absent: nothing.'),
    })
    .prefault({})
    .describe('Settings of kube-apiserver.'),
  controllerManager: z
    .strictObject({ extraArgs, extraVolumes })
    .prefault({})
    .describe('Settings of kube-controller-manager.'),
  scheduler: z.strictObject({ extraArgs, extraVolumes }).prefault({}).describe('Settings of kube-scheduler.'),
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
  encryptionAtRest: encryptionAtRestSchema
    .optional()
    .describe('Encryption of objects in etcd; absent: none. Its removal from a cluster is `kubexm secrets decrypt`.'),
  featureGates: z.record(z.string(), z.boolean()).default({}).describe('Feature gates of all components.'),
});

export type KubernetesInput = z.output<typeof kubernetesSchema>;

export function resolveKubernetes(input: KubernetesInput, expandPath: PathExpander): Kubernetes {
  const { encryptionAtRest, apiServer, ...rest } = input;
  return {
    ...rest,
    containerRuntime: resolveContainerRuntime(input.containerRuntime, versionsFor(input.version)),
    apiServer: {
      certExtraSans: apiServer.certExtraSans,
      extraArgs: texts(apiServer.extraArgs),
      extraVolumes: resolveVolumes(apiServer.extraVolumes),
      ...(apiServer.audit === undefined ? {} : { audit: resolveAudit(apiServer.audit, expandPath) }),
    },
    controllerManager: component(input.controllerManager),
    scheduler: component(input.scheduler),
    ...(encryptionAtRest === undefined ? {} : { encryptionAtRest }),
    kubelet: { ...input.kubelet, extraArgs: texts(input.kubelet.extraArgs) },
    dns: compact(input.dns),
  };
}

function component({ extraArgs: args, extraVolumes: volumes }: KubernetesInput['scheduler']): Kubernetes['scheduler'] {
  return { extraArgs: texts(args), extraVolumes: resolveVolumes(volumes) };
}
