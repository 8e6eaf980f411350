import * as z from 'zod';
import { registryHost, url } from './formats.js';
import type { PathExpander } from './paths.js';
import { secretInput, toSecretSource } from './secret-source.js';
import type { Registry } from './types.js';

export const registrySchema = z.strictObject({
  mirrors: z
    .record(registryHost, z.array(url).min(1))
    .default({})
    .describe('Registry host and the URLs asked before it: `docker.io: [https://mirror.example]`.'),
  insecure: z
    .array(registryHost)
    .default([])
    .describe('Registries spoken to over plain HTTP or with an unchecked certificate.'),
  auths: z
    .record(
      registryHost,
      z.strictObject({
        username: z.string().min(1).describe('User name at the registry.'),
        password: secretInput.describe('Password or token.'),
      }),
    )
    .default({})
    .describe('Registry host and who to log in as.'),
  caFiles: z
    .record(registryHost, z.string().min(1))
    .default({})
    .describe('Registry host and the CA file, on the control machine, that signs its certificate.'),
});

export type RegistryInput = z.output<typeof registrySchema>;

export function resolveRegistry(input: RegistryInput, expandPath: PathExpander): Registry {
  const auths = Object.entries(input.auths).map(([host, { username, password }]) => {
    return [host, { username, password: toSecretSource(password, expandPath) }] as const;
  });
  const caFiles = Object.entries(input.caFiles).map(([host, file]) => [host, expandPath(file)] as const);
  return { ...input, auths: Object.fromEntries(auths), caFiles: Object.fromEntries(caFiles) };
}
