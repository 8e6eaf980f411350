import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { draft } from '../../plan/index.js';
import { removeFile, type StepContext, uploadKubeadmConfig } from '../../step/index.js';
import { defineTask, hostsWithRole, type PlanContext, type Task } from '../context.js';
import { initHost, servingHosts } from '../kubernetes/init-host.js';
import { initDocuments } from '../kubernetes/kubeadm-config.js';
import { changeStaticPods } from '../kubernetes/reconcile-control-plane.js';
import { type EncryptionObservation, settledKey } from './observe.js';
import { encryptionKey, knownKeys, seeEncryptionThrough } from './passes.js';
import { encryptingHosts } from './settings.js';

export interface ChangeEncryption {
  readonly observed: EncryptionObservation;
}

/** Throws where keys cannot be changed now. A control plane that does not answer would come back without the new key. */
export function refuseKeyChange(ctx: PlanContext, { observed }: ChangeEncryption): void {
  const serving = servingHosts(ctx);
  const missing = hostsWithRole(ctx, 'control-plane').filter((host) => !serving.includes(host));
  const refuse = (message: string, details: readonly string[], hint: string) =>
    new KubexmError('GUARD_REFUSED', message, { details: [...details], hint, retryable: false });
  if (missing.length > 0)
    throw refuse(`${missing.join(', ')} is no control plane yet`, [], 'kubexm cluster create, or kubexm node add');
  if (observed.unknown.length > 0 || observed.stored === null)
    throw refuse(
      'it is not known how the control planes encrypt, or how etcd holds the objects',
      observed.failures,
      'kubexm cluster status; kubexm etcd health',
    );
  if (encryptingHosts(ctx).length === 0) {
    throw refuse(
      'nothing is encrypted in this cluster',
      [],
      'write spec.kubernetes.encryptionAtRest into the cluster file, then kubexm cluster create',
    );
  }
}

/** A new key for everything; or, where a change was interrupted, its end. */
export function rotateEncryptionKey(params: ChangeEncryption): Task {
  return defineTask('rotate-key', (ctx) => {
    refuseKeyChange(ctx, params);
    if (ctx.cluster.spec.kubernetes.encryptionAtRest === undefined) {
      throw new KubexmError('GUARD_REFUSED', 'the cluster file asks for no encryption', {
        hint: 'put spec.kubernetes.encryptionAtRest into it; or kubexm secrets decrypt',
        retryable: false,
      });
    }
    const g = draft<StepContext>('rotate-key');
    const replaces = settledKey(params.observed);
    const key = encryptionKey(g, ctx, replaces === undefined ? {} : { replaces });
    seeEncryptionThrough(g, ctx, { after: key });
    return g.done();
  });
}

/** Writes in clear what the config does not ask to be encrypted; where that is everything, the apiservers need no keys any more. */
export function decryptObjects(params: ChangeEncryption): Task {
  return defineTask('decrypt', (ctx) => {
    refuseKeyChange(ctx, params);
    const g = draft<StepContext>('decrypt');
    const { done } = seeEncryptionThrough(g, ctx, { after: knownKeys(g, ctx), decrypting: true });
    if (ctx.cluster.spec.kubernetes.encryptionAtRest !== undefined) return g.done();
    const first = initHost(ctx);
    const documents = initDocuments(ctx, first, { decrypted: true });
    const changed = changeStaticPods(g, ctx, { after: done, decrypted: true });
    const uploaded = g.add(
      'upload-config',
      [first],
      uploadKubeadmConfig({ documents, configMaps: ['kubeadm-config'] }),
      {
        after: changed,
      },
    );
    g.add('remove-keys', servingHosts(ctx), removeFile({ path: hostPaths.encryption.directory, recursive: true }), {
      after: uploaded,
    });
    return g.done();
  });
}
