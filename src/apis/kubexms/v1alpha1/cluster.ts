import * as z from 'zod';
import { addonSchema } from './addons.js';
import { certsSchema } from './certs.js';
import { controlPlaneEndpointSchema } from './control-plane-endpoint.js';
import { downloadSchema } from './download.js';
import { etcdSchema } from './etcd.js';
import { dnsLabel } from './formats.js';
import { globalSchema } from './global.js';
import { hostSchema } from './hosts.js';
import { kubernetesSchema } from './kubernetes.js';
import { networkSchema } from './network.js';
import { registrySchema } from './registry.js';
import { roleGroupsSchema } from './role-groups.js';
import { systemSchema } from './system.js';
import { apiVersion } from './types.js';

/** The resource as it is written; everything optional has its default, but what depends on other fields is left to resolve(). */
export const clusterSchema = z.strictObject({
  apiVersion: z.literal(apiVersion).describe('Version of this format.'),
  kind: z.literal('Cluster').describe('Always `Cluster`.'),
  metadata: z
    .strictObject({ name: dnsLabel.describe('Name of the cluster; its files are kept under this name.') })
    .describe('What identifies the cluster.'),
  spec: z
    .strictObject({
      hosts: z.array(hostSchema).min(1, { error: 'at least one host is needed' }).describe('The machines.'),
      roleGroups: roleGroupsSchema.describe('Which hosts do what: names, or ranges such as `w[1:3]`.'),
      global: globalSchema.prefault({}).describe('What every host takes that does not say otherwise.'),
      controlPlaneEndpoint: controlPlaneEndpointSchema.prefault({}).describe('How every node reaches the API servers.'),
      kubernetes: kubernetesSchema.prefault({}).describe('Kubernetes and its components.'),
      etcd: etcdSchema.prefault({}).describe('The store of the cluster.'),
      certs: certsSchema.prefault({}).describe('Certificate authorities of your own.'),
      network: networkSchema.prefault({}).describe('The network of pods and services.'),
      registry: registrySchema.prefault({}).describe('Where images come from.'),
      download: downloadSchema.prefault({}).describe('Where files come from.'),
      system: systemSchema.prefault({}).describe('The operating system of the hosts.'),
      addons: z.array(addonSchema).default([]).describe('Manifests applied once the cluster stands.'),
    })
    .describe('What the cluster should be.'),
});

/** A written resource that passed the schema. */
export type ClusterInput = z.output<typeof clusterSchema>;
