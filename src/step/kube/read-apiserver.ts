import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Json } from '../../plan/index.js';
import { defineStep, satisfied } from '../define.js';

/** What a control plane's apiserver is started with. */
export interface ApiserverReport {
  /** False: no apiserver is set up on this host. */
  readonly present: boolean;
  /** `https://10.0.0.11:2379`, in its order. */
  readonly etcdServers: readonly string[];
}

/** Reads to which etcd the apiserver of a host is to talk: the manifest is there also when the apiserver is not up. */
export const readApiserver = defineStep<{ readonly report: string }>({
  kind: 'read.apiserver',
  title: () => 'Read the flags of the apiserver',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const path = `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`;
    const text = await host.readFile(path, { signal });
    const report: ApiserverReport = {
      present: text !== undefined,
      etcdServers: text === undefined ? [] : serversOf(text),
    };
    if (report.present && report.etcdServers.length === 0)
      throw new KubexmError('COMMAND_FAILED', `${host.name}: ${path} names no --etcd-servers`, { retryable: false });
    log('debug', p.report, report as unknown as Json);
    return satisfied('its manifest was read');
  },
  run: () => Promise.resolve(),
});

function serversOf(manifest: string): readonly string[] {
  const value = /--etcd-servers=([^\s"']+)/.exec(manifest)?.[1] ?? '';
  return value.split(',').filter((server) => server !== '');
}
