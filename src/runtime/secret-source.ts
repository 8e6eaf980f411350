import { readFile } from 'node:fs/promises';
import type { Cluster } from '../apis/kubexms/v1alpha1/index.js';
import { KubexmError } from '../errors/index.js';
import { Secret, type SecretResolver } from '../secrets/index.js';
import type { SecretRef } from '../step/index.js';

/** Turns the references of plans into values: `file:PATH` of the control machine, `registry-auth:HOST` of the config. */
export function secretsOfPlans({
  cluster,
  resolver,
  onSecret,
}: {
  readonly cluster: Cluster;
  readonly resolver: SecretResolver;
  onSecret(secret: Secret): void;
}): (ref: SecretRef) => Promise<Secret> {
  return async ({ $secret }) => {
    const separator = $secret.indexOf(':');
    const [kind, name] = [$secret.slice(0, separator), $secret.slice(separator + 1)];
    const secret =
      kind === 'file'
        ? await fromFile(name)
        : kind === 'registry-auth'
          ? await registryAuth(cluster, resolver, name)
          : undefined;
    if (!secret)
      throw new KubexmError('SECRET_MISSING', `nothing is known of the secret ${$secret}`, { retryable: false });
    onSecret(secret);
    return secret;
  };
}

async function fromFile(path: string): Promise<Secret> {
  try {
    return new Secret((await readFile(path, 'utf8')).trim());
  } catch (cause) {
    throw new KubexmError('SECRET_MISSING', `the secret file ${path} cannot be read`, { cause, retryable: false });
  }
}

/** `user:password` in base64, as HTTP's Basic scheme wants it. */
async function registryAuth(
  { spec }: Cluster,
  resolver: SecretResolver,
  registry: string,
): Promise<Secret | undefined> {
  const auth = spec.registry.auths[registry];
  if (!auth) return undefined;
  const password = await resolver.resolve(auth.password, `Password of ${auth.username} at ${registry}`);
  return new Secret(Buffer.from(`${auth.username}:${password.reveal()}`).toString('base64'));
}
