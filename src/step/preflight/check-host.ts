import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import { sha256File } from '../../util/sha256-file.js';
import { unlessMissing } from '../../util/system-error.js';
import type { StepContext } from '../context.js';
import { defineStep, satisfied } from '../define.js';
import { type DiskNeed, diskFindings } from './disk-space.js';
import { type Finding, factFindings, type HostRequirements } from './findings.js';

/** `ownCa`: where this cluster's CA certificates are on the control machine, once a first run has made them. */
export interface CheckHost extends HostRequirements {
  readonly ownCa: { readonly kubernetes: string; readonly etcd: string };
  readonly etcdDataDir: string;
  readonly disk: readonly DiskNeed[];
}

/** All checks of one host at once, before anything changes: fails with every error, and warns of the rest. */
export const checkHost = defineStep<CheckHost>({
  kind: 'preflight.host',
  title: () => 'Check the host',
  recheck: false,
  async precheck(ctx, p) {
    const facts = await ctx.host.facts({
      diskPaths: p.disk.map(({ path }) => path),
      commands: p.commands,
      signal: ctx.signal,
    });
    const findings = [
      ...factFindings(facts, p),
      ...(await diskFindings(ctx, facts, p.disk)),
      ...(await installationFindings(ctx, p)),
    ];
    const errors = findings.filter((finding) => finding.severity === 'error');
    const warnings = findings.filter((finding) => finding.severity === 'warning');
    for (const warning of warnings) ctx.log('warn', findingText(warning));
    if (errors.length > 0) {
      throw new KubexmError(
        'PREFLIGHT_FAILED',
        `${ctx.host.name}: ${errors.length === 1 ? '1 check failed' : `${errors.length} checks failed`}`,
        {
          details: errors.map(findingText),
          hint: errors.map((error) => error.fix).find((fix) => fix !== undefined),
          retryable: false,
        },
      );
    }
    return satisfied(warnings.length === 0 ? 'all checks passed' : `passed with ${warnings.length} warnings`);
  },
  run: () => Promise.resolve(),
});

function findingText({ message, fix }: Finding): string {
  return fix === undefined ? message : `${message}; ${fix}`;
}

/**
 * Kubernetes or etcd of somebody else, or of a cluster that was half removed, must never be built upon. What belongs to
 * this cluster carries its CA.
 */
async function installationFindings({ host, signal }: StepContext, p: CheckHost): Promise<Finding[]> {
  const ca = `${hostPaths.kubernetesPki}/ca.crt`;
  const etcdCa = `${hostPaths.etcd.pki}/ca.pem`;
  const traces = [
    hostPaths.adminKubeconfig,
    `${hostPaths.kubernetes}/kubelet.conf`,
    `${hostPaths.kubernetes}/manifests/kube-apiserver.yaml`,
  ];
  const data = `${p.etcdDataDir}/member`;
  // Read now, not when the plan was made: a saved plan may be applied again after a first attempt has made the CAs.
  const [found, ownCa, ownEtcdCa] = await Promise.all([
    host.statMany([ca, etcdCa, ...traces, data], { sha256: true, signal }),
    unlessMissing(sha256File(p.ownCa.kubernetes, { signal })),
    unlessMissing(sha256File(p.ownCa.etcd, { signal })),
  ]);
  const findings: Finding[] = [];
  const caDigest = found.get(ca)?.sha256;
  const left = traces.filter((path) => found.has(path));
  if (p.kubelet && caDigest !== undefined && caDigest !== ownCa) {
    findings.push({
      severity: 'error',
      message: `${ca} is the CA of another cluster, or of one that was half removed`,
      fix: 'kubeadm reset -f --skip-phases=remove-etcd-member && rm -rf /etc/kubernetes (if nothing of it is needed)',
    });
  } else if (p.kubelet && caDigest === undefined && left.length > 0) {
    findings.push({
      severity: 'error',
      message: `${left.join(', ')} without ${ca}: a cluster was half removed here`,
      fix: 'kubeadm reset -f --skip-phases=remove-etcd-member && rm -rf /etc/kubernetes (if nothing of it is needed)',
    });
  }
  const etcdDigest = found.get(etcdCa)?.sha256;
  const foreignEtcd = etcdDigest !== undefined && etcdDigest !== ownEtcdCa;
  if (p.etcd && (foreignEtcd || (etcdDigest === undefined && found.has(data)))) {
    findings.push({
      severity: 'error',
      message: foreignEtcd
        ? `${etcdCa} is the CA of another etcd cluster`
        : `${data} holds data of an etcd that is not this cluster's`,
      fix: `back it up and move it aside: systemctl stop etcd; mv ${p.etcdDataDir} ${p.etcdDataDir}.old; rm -rf /etc/etcd`,
    });
  }
  return findings;
}
