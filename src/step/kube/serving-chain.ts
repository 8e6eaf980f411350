import type { X509Certificate } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { certificatesIn, readCertificate } from '../pki/files.js';
import { daysLeft } from '../pki/validity.js';

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

/** `cross`: on the control machine, the CA of the cluster under the signature of the one before it; often there is none. */
export interface AddServingChain {
  readonly cross: string;
}

/**
 * Puts the way from the CA before behind the certificate of an apiserver that joined after a rotation: programs that read their CA
 * once, before it, trust that one alone. The apiserver reads its file again by itself, within a minute.
 */
export const addServingChain = defineStep<AddServingChain>({
  kind: 'kube.serving-chain',
  title: () => 'Show clients the way from the CA before, where there was another',
  async precheck(ctx, p) {
    const cross = await readCertificate(p.cross);
    if (cross === undefined || daysLeft(cross) <= 0) return satisfied('there was none that is still good');
    const text = await ctx.host.readFile(path, { signal: ctx.signal });
    if (text === undefined) return needed('it has no certificate yet');
    return certificatesIn(text).length > 1 ? satisfied('it does') : needed('its file has its own certificate alone');
  },
  async run(ctx, p) {
    const cross = await readCertificate(p.cross);
    if (cross === undefined) throw new KubexmError('FILE_MISSING', `${p.cross} is gone`, { retryable: false });
    await keepServingChain(ctx, [cross]);
  },
});
