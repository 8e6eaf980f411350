import { X509Certificate } from 'node:crypto';
import type { Json } from '../../plan/index.js';
import { sh } from '../../runner/index.js';
import { defineStep, satisfied } from '../define.js';
import { etcdctl } from '../etcd/etcdctl.js';
import { kubectl } from './kubectl.js';

/** Reads put what they found into the event stream, as the data of a log event with this message. */
export interface Read {
  readonly report: string;
}

/** Nodes and pods as the API has them: `{ items }`. */
export const readObjects = defineStep<Read>({
  kind: 'read.objects',
  title: () => 'Read nodes and pods',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(kubectl(['get', 'nodes,pods', '-A', '-o', 'json']), { signal });
    log('debug', p.report, JSON.parse(stdout) as Json);
    return satisfied('the API answered');
  },
  run: () => Promise.resolve(),
});

/** `endpoint status` and `endpoint health` of every endpoint, also where some do not answer: `{ status, health }`. */
export const readEtcdEndpoints = defineStep<Read & { readonly endpoints: readonly string[] }>({
  kind: 'read.etcd',
  title: () => 'Read the state of etcd',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const status = await host.tryRun(etcdctl(p.endpoints, ['endpoint', 'status', '-w', 'json']), { signal });
    const health = await host.tryRun(etcdctl(p.endpoints, ['endpoint', 'health', '-w', 'json']), { signal });
    log('debug', p.report, { status: parsed(status.stdout), health: parsed(health.stdout) });
    return satisfied('etcdctl answered');
  },
  run: () => Promise.resolve(),
});

/** When the certificates below these directories end: `[{ name, expiresAt }]`, ISO 8601. */
export const readCertificates = defineStep<Read & { readonly directories: readonly string[] }>({
  kind: 'read.certificates',
  title: () => 'Read the certificates',
  recheck: false,
  async precheck({ host, signal, log }, p) {
    const { stdout } = await host.run(
      sh`for f in $(find ${p.directories} -maxdepth 1 -type f '(' -name '*.crt' -o -name '*.pem' ')' ! -name '*-key.pem' 2>/dev/null); do echo "@@$f"; cat "$f"; done`,
      { signal },
    );
    const certificates = stdout
      .split('@@')
      .slice(1)
      .flatMap((section) => {
        const [name = '', ...text] = section.split('\n');
        const pem = text.join('\n');
        if (!pem.includes('BEGIN CERTIFICATE')) return [];
        return [{ name, expiresAt: new Date(new X509Certificate(pem).validTo).toISOString() }];
      });
    log('debug', p.report, certificates);
    return satisfied(`${certificates.length} certificates`);
  },
  run: () => Promise.resolve(),
});

/** etcdctl prints its list also when it exits with 1; with nothing at all there is nobody. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return [];
  }
}
