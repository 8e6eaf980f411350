import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import { stringify } from 'yaml';
import type { Audit, ExtraArgs, ExtraVolume } from '../../apis/kubexms/v1alpha1/index.js';
import { hostPaths } from '../../common/host-paths.js';
import { KubexmError } from '../../errors/index.js';
import type { Step } from '../../plan/index.js';
import { type StepContext, uploadFile, writeFile } from '../../step/index.js';
import type { PlanContext } from '../context.js';

/** A file that the apiserver reads once, at its start. Its name changes with its content: so does the manifest, and a restart follows. */
export interface AuditFile {
  readonly part: 'policy' | 'webhook';
  /** `policy-1a2b3c4d5e6f.yaml` */
  readonly name: string;
  /** Brings it to a control plane. */
  readonly place: Step<StepContext>;
}

/** What audit needs on each control plane. */
export interface AuditSettings {
  readonly files: readonly AuditFile[];
  readonly logDirectory: string;
  readonly flags: ExtraArgs;
  readonly volumes: readonly ExtraVolume[];
}

/** Undefined where the config asks for none. */
export function auditSettings(ctx: PlanContext): AuditSettings | undefined {
  const { audit } = ctx.cluster.spec.kubernetes.apiServer;
  if (audit === undefined) return undefined;
  const policy = policyFile(ctx, audit);
  const webhook = audit.webhook && uploaded(ctx, 'webhook', audit.webhook.configFile);
  const logDirectory = dirname(audit.logPath);
  return {
    files: [policy, ...(webhook ? [webhook] : [])],
    logDirectory,
    flags: {
      'audit-policy-file': pathOf(policy),
      'audit-log-path': audit.logPath,
      'audit-log-maxage': String(audit.maxAgeDays),
      'audit-log-maxbackup': String(audit.maxBackups),
      'audit-log-maxsize': String(audit.maxSizeMegabytes),
      ...(audit.webhook && webhook
        ? { 'audit-webhook-config-file': pathOf(webhook), 'audit-webhook-mode': audit.webhook.mode }
        : {}),
    },
    volumes: [
      mounted('kubexm-audit', hostPaths.audit, { readOnly: true, pathType: 'Directory' }),
      mounted('kubexm-audit-log', logDirectory, { readOnly: false, pathType: 'DirectoryOrCreate' }),
    ],
  };
}

/** A directory of the host that a static pod sees at the same place. */
export function mounted(
  name: string,
  path: string,
  how: { readonly readOnly: boolean; readonly pathType: string },
): ExtraVolume {
  return { name, hostPath: path, mountPath: path, ...how };
}

function policyFile(ctx: PlanContext, { policy }: Audit): AuditFile {
  if (policy.type === 'file') return uploaded(ctx, 'policy', policy.path);
  const content = stringify(policy.policy);
  const name = nameOf('policy', createHash('sha256').update(content).digest('hex'));
  return { part: 'policy', name, place: writeFile({ content, target: `${hostPaths.audit}/${name}`, mode: 0o600 }) };
}

function uploaded({ fileDigests }: PlanContext, part: AuditFile['part'], source: string): AuditFile {
  const sha256 = fileDigests.get(source);
  if (sha256 === undefined) throw new KubexmError('INTERNAL', `${source} was not read before planning`);
  const name = nameOf(part, sha256);
  const target = `${hostPaths.audit}/${name}`;
  return { part, name, place: uploadFile({ source, target, mode: 0o600, sha256 }, { uses: [] }) };
}

/** Names that `nameOf` gives, as a regular expression. */
export const ownAuditFiles = '(policy|webhook)-[0-9a-f]{12}\\.yaml';

function nameOf(part: AuditFile['part'], sha256: string): string {
  return `${part}-${sha256.slice(0, 12)}.yaml`;
}

function pathOf({ name }: AuditFile): string {
  return `${hostPaths.audit}/${name}`;
}
