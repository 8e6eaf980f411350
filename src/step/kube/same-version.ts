import { KubexmError } from '../../errors/index.js';
import { otherVersionHint } from '../common/version-hint.js';
import { defineStep, satisfied } from '../define.js';
import { kubectl } from './kubectl.js';

/** `version` with v: v1.34.4. On a control plane host. */
export interface SameVersion {
  readonly version: string;
}

/**
 * Refuses to let a node of this version join while some API server runs another one: no kubelet may be newer than any of them,
 * and no control plane older than the others. Changes nothing.
 */
export const sameVersion = defineStep<SameVersion>({
  kind: 'kube.same-version',
  title: ({ version }) => `Check that all API servers run ${version}`,
  recheck: false,
  async precheck({ host, signal }, { version }) {
    const template = '{range .items[*]}{.spec.nodeName} {.spec.containers[0].image}{"\\n"}{end}';
    const { stdout } = await host.run(
      kubectl(['-n', 'kube-system', 'get', 'pods', '-l', 'component=kube-apiserver', '-o', `jsonpath=${template}`]),
      { signal },
    );
    const running = [...stdout.matchAll(/^(\S+) \S+:(v\d[^@\s]*)/gm)].map(([, node = '', image = '']) => ({
      node,
      image,
    }));
    if (running.length === 0) {
      throw new KubexmError('COMMAND_FAILED', `${host.name}: the API does not say which versions its servers run`, {
        hint: 'kubexm cluster status',
      });
    }
    const [other] = running.filter(({ image }) => image !== version);
    if (other === undefined) return satisfied(`${running.length} run ${version}`);
    throw new KubexmError(
      'GUARD_REFUSED',
      `no node joins: the API server of ${other.node} is ${other.image}, the cluster file asks for ${version}`,
      { hint: otherVersionHint(other.image, version), retryable: false },
    );
  },
  run: () => Promise.resolve(),
});
