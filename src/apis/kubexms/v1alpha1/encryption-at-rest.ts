import * as z from 'zod';

/**
 * Resources of the core whose objects etcd has below `/registry/NAME/`. Some others have another name there (`nodes`:
 * `minions`), and what cannot be proved there is not offered.
 */
const coreResources = ['secrets', 'configmaps', 'serviceaccounts', 'persistentvolumeclaims', 'podtemplates'];

const resource = z.string().refine((name) => coreResources.includes(name) || isCustom(name), {
  error: ({ input }) =>
    `${JSON.stringify(input)} is none of ${coreResources.join(', ')}, nor a custom resource such as "certificates.example.org"`,
});

/** Keys are no part of the config: they are made in the work directory of the cluster. */
export const encryptionAtRestSchema = z.strictObject({
  provider: z
    .enum(['secretbox', 'aescbc', 'aesgcm'])
    .default('secretbox')
    .describe('How objects are encrypted. Another one is another key: everything is written anew.'),
  resources: z
    .array(resource)
    .min(1)
    .default(['secrets'])
    .describe('What is encrypted: `secrets`, `configmaps`, …, and custom resources as `name.group`.'),
});

/** Kubernetes' own groups end so; their objects do not lie below their group's name. */
function isCustom(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}$/.test(name) && !name.endsWith('.k8s.io');
}
