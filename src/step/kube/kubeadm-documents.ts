import { createHash } from 'node:crypto';
import type { Json } from '../../plan/index.js';

/** One document of kubeadm's configuration. */
export type KubeadmDocument = { readonly [key: string]: Json };

/** The documents as kubeadm reads them; `$token` is still in its place. */
export async function documentsText(documents: readonly KubeadmDocument[]): Promise<string> {
  const { stringify } = await import('yaml');
  return documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join('---\n');
}

/** Without bootstrap tokens: what is rendered or uploaded from them needs none. */
export function withoutTokens(documents: readonly KubeadmDocument[]): readonly KubeadmDocument[] {
  return documents.map((document) => {
    const { bootstrapTokens, ...rest } = document;
    return bootstrapTokens === undefined ? document : rest;
  });
}

/** Digest of all that decides how kubeadm renders the static pods of a host. */
export function staticPodInputs(documents: readonly KubeadmDocument[]): string {
  const { localAPIEndpoint } = documentOf(documents, 'InitConfiguration');
  return digestOf([localAPIEndpoint, documentOf(documents, 'ClusterConfiguration')]);
}

/** Digest of all that decides how kubeadm renders the kubelet's files of a host. */
export function kubeletInputs(documents: readonly KubeadmDocument[]): string {
  const { nodeRegistration } = documentOf(documents, 'InitConfiguration');
  const { name, criSocket, kubeletExtraArgs } = (nodeRegistration ?? {}) as KubeadmDocument;
  const cluster = documentOf(documents, 'ClusterConfiguration');
  return digestOf([
    name,
    criSocket,
    kubeletExtraArgs,
    cluster.kubernetesVersion,
    cluster.imageRepository,
    cluster.networking,
    documentOf(documents, 'KubeletConfiguration'),
  ]);
}

/** The document of a kind; empty where there is none. */
export function documentOf(documents: readonly KubeadmDocument[], kind: string): KubeadmDocument {
  return documents.find((document) => document.kind === kind) ?? {};
}

/** On objects that kubeadm writes: digest of what it made of them. */
export const dataAnnotation = 'kubexm.io/data';

/** Hex sha256 of plain data, whatever the order of its keys. */
export function digestOf(data: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(data)) ?? '')
    .digest('hex');
}

/**
 * Plain data as Go reads it: keys in order, and nothing that stands for a zero value. Two manifests that are the same to the
 * kubelet are the same here, also where one kubeadm wrote `status: {}` and another left it out.
 */
export function canonical(data: unknown): unknown {
  if (Array.isArray(data)) return data.map((item) => canonical(item));
  if (typeof data !== 'object' || data === null) return data;
  const entries = Object.entries(data)
    .map(([key, value]) => [key, canonical(value)] as const)
    .filter(([, value]) => !isZero(value))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function isZero(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
