import { readFile } from 'node:fs/promises';
import { KubexmError } from '../../errors/index.js';
import { sh } from '../../runner/index.js';
import { unlessMissing } from '../../util/system-error.js';
import { defineStep, satisfied } from '../define.js';
import { kubectl } from '../kube/kubectl.js';

/** `path`: the public keys on the host whose tokens are good there; `publicKey`: those of the control machine. */
export interface KnowsKey {
  readonly path: string;
  readonly publicKey: string;
}

/** Fails where a control plane takes other tokens than those of the keys that this machine has. */
export const knowsServiceAccountKey = defineStep<KnowsKey>({
  kind: 'pki.knows-service-account-key',
  title: (p) => `Compare ${p.path}`,
  recheck: false,
  async precheck({ host, signal }, p) {
    const [there, own] = await Promise.all([
      host.readFile(p.path, { signal }),
      unlessMissing(readFile(p.publicKey, 'utf8')),
    ]);
    if (own !== undefined && there?.includes(own.trim()) === true) return satisfied('it has the keys of this machine');
    throw new KubexmError('GUARD_REFUSED', `${host.name}: ${p.path} is not that of the work directory`, {
      details: [
        own === undefined ? `${p.publicKey} is not on this machine` : 'tokens of the cluster would be worth nothing',
      ],
      hint: 'run this in the directory whose .kubexm made the cluster; where that is lost: kubexm cluster adopt',
      retryable: false,
    });
  },
  run: () => Promise.resolve(),
});

/** `path`: the private key on a control plane; `minSeconds`: how long it must have been there. */
export interface OldTokens {
  readonly path: string;
  readonly minSeconds: number;
}

/** Fails while pods may have tokens that an earlier key signed; says which tokens nobody renews by himself. */
export const guardOldTokens = defineStep<OldTokens>({
  kind: 'kube.old-tokens',
  title: () => 'Look whether tokens of earlier keys may be in use',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(sh`echo $(( $(date +%s) - $(stat -c %Y ${p.path}) ))`, { signal });
    const age = Number(stdout.trim());
    if (!(age >= p.minSeconds)) {
      const left = Math.ceil((p.minSeconds - age) / 60);
      throw new KubexmError(
        'GUARD_REFUSED',
        `${host.name}: the new key signs since ${Math.floor(age / 60)} minutes only`,
        {
          details: ['kubelets renew the tokens of pods within the hour: those of the earlier key are still in use'],
          hint: `run the same command again in ${left} minutes`,
          retryable: false,
        },
      );
    }
    const { stdout: found } = await host.run(
      kubectl(['get', 'secrets', '-A', '--field-selector=type=kubernetes.io/service-account-token', '-o', 'name']),
      { signal },
    );
    const names = found.split('\n').filter((line) => line !== '');
    for (const name of names) log('warn', `${name} holds a token that no one renews: delete it and make it anew`);
    return satisfied(`the new key signs since ${Math.floor(age / 3600)} hours`);
  },
  run: () => Promise.resolve(),
});
