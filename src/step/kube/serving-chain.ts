import type { X509Certificate } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import type { StepContext } from '../context.js';
import { certificatesIn } from '../pki/files.js';

const path = `${hostPaths.kubernetesPki}/apiserver.crt`;

/**
 * What lies behind the apiserver's own certificate: the way to its CA for those who trust only the CA before. kubeadm leaves it out
 * when it makes the certificate anew.
 */
export async function servingChain({ host, signal }: StepContext): Promise<readonly X509Certificate[]> {
  return certificatesIn((await host.readFile(path, { signal })) ?? '').slice(1);
}

/** Puts it behind the new one, where it is gone. */
export async function keepServingChain(ctx: StepContext, chain: readonly X509Certificate[]): Promise<void> {
  const { host, signal } = ctx;
  const text = (await host.readFile(path, { signal })) ?? '';
  if (chain.length === 0 || certificatesIn(text).length !== 1) return;
  const whole = [text.trimEnd(), ...chain.map((each) => each.toString().trimEnd())].join('\n');
  await host.writeFile(path, `${whole}\n`, { mode: 0o644, signal });
}
