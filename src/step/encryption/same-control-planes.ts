import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { defineStep, satisfied } from '../define.js';
import { kubectl } from '../kube/kubectl.js';
import { readKeys } from './key-file.js';
import { parseConfig, writtenPrefix } from './providers.js';

/** `nodes`: all control planes that the plan brings the keys to. */
export interface SameControlPlanes {
  readonly nodes: readonly string[];
  readonly keyFile: string;
  readonly resources: readonly string[];
}

/** Before anything is written with a key: a control plane that the plan does not know could not read it. */
export const sameControlPlanes = defineStep<SameControlPlanes>({
  kind: 'encryption.same-control-planes',
  title: () => 'See that every control plane of the cluster gets the key',
  recheck: false,
  async precheck({ host, signal }, { nodes, keyFile, resources }) {
    const path = hostPaths.encryption.config;
    const [text, [key]] = await Promise.all([host.readFile(path, { signal }), readKeys(keyFile)]);
    const found = text === undefined ? undefined : await parseConfig(text, `${host.name}: ${path}`);
    const settled = [...new Set([...resources, ...(found?.keys() ?? [])])].every((resource) => {
      const first = found?.get(resource)?.[0];
      if (first === undefined || key === undefined) return false;
      const wanted = writtenPrefix(resource, { key, resources });
      return wanted === (first.type === 'identity' ? '' : `k8s:enc:${first.type}:v1:${first.name}:`);
    });
    if (settled) return satisfied('the control planes write with it already');
    const { stdout } = await host.run(
      kubectl(['get', 'nodes', '-l', 'node-role.kubernetes.io/control-plane', '-o', 'name']),
      { signal },
    );
    const there = stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.trim().replace('node/', '')]));
    const strange = there.filter((name) => !nodes.includes(name));
    if (strange.length === 0) return satisfied(`the control planes are ${there.join(', ')}`);
    throw new KubexmError(
      'GUARD_REFUSED',
      `${strange.join(', ')}: a control plane that the cluster file does not have would not get the key`,
      {
        details: [`the cluster's: ${there.join(', ')}`, `the plan's: ${nodes.join(', ')}`],
        hint: `write it into the cluster file; or kubexm node delete ${strange.join(' ')}`,
        retryable: false,
      },
    );
  },
  run: () => Promise.resolve(),
});
