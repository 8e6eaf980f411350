import { X509Certificate } from 'node:crypto';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
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
    const [states, verdicts] = [listOf(status.stdout), listOf(health.stdout)];
    // etcdctl tells of every endpoint, of one that is down too: without that list, nothing is known of etcd.
    if (verdicts === undefined) {
      const because = (health.stderr || health.stdout).trim().split('\n').at(-1) ?? '';
      throw new KubexmError('COMMAND_FAILED', `${host.name}: etcdctl does not tell the state of etcd: ${because}`, {
        hint: `on ${host.name}: ls -l ${hostPaths.bin}/etcdctl ${hostPaths.etcd.pki}; kubexm cluster create puts back what is missing`,
      });
    }
    log('debug', p.report, { status: states ?? [], health: verdicts });
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

/** etcdctl prints its list also when it exits with 1. */
function listOf(text: string): Json[] | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
