import * as z from 'zod';
import { type AuditPolicyInput, auditPolicySchema, plainPolicy } from './audit-policy.js';
import { absolutePath } from './formats.js';
import type { PathExpander } from './paths.js';
import type { Audit } from './types.js';

export const auditSchema = z
  .strictObject({
    policy: auditPolicySchema.optional().describe('The policy itself.'),
    policyFile: z.string().min(1).optional().describe('The policy as a file on the control machine.'),
    logPath: absolutePath
      // Its directory becomes the log's alone, closed to others, and is mounted writable.
      .refine((path) => !path.startsWith('/') || path.split('/').length > 4, {
        error: 'the log needs a directory of its own, such as /var/log/kubernetes/audit.log',
      })
      .default('/var/log/kubernetes/audit/audit.log')
      .describe('The log on the control planes, in a directory of its own.'),
    maxAgeDays: z.int().min(0).default(30).describe('Days that old logs are kept; 0: whatever their age.'),
    maxBackups: z.int().min(0).default(10).describe('How many old logs are kept; 0: all.'),
    maxSizeMegabytes: z.int().min(1).default(100).describe('Size at which a new log is begun.'),
    webhook: z
      .strictObject({
        configFile: z
          .string()
          .min(1)
          .describe('Kubeconfig of the service that takes the events, on the control machine.'),
        mode: z
          .enum(['batch', 'blocking', 'blocking-strict'])
          .default('batch')
          .describe('Whether requests wait for the service.'),
      })
      .optional()
      .describe('A service that takes the events as well.'),
  })
  .refine(({ policy, policyFile }) => (policy === undefined) !== (policyFile === undefined), {
    error: 'give the policy either as policy or as policyFile',
  });

type AuditInput = z.output<typeof auditSchema>;

export function resolveAudit(input: AuditInput, expandPath: PathExpander): Audit {
  const { policy, policyFile, webhook, ...log } = input;
  return {
    ...log,
    policy:
      policyFile === undefined
        ? { type: 'inline', policy: plainPolicy(policy as AuditPolicyInput) }
        : { type: 'file', path: expandPath(policyFile) },
    ...(webhook === undefined ? {} : { webhook: { ...webhook, configFile: expandPath(webhook.configFile) } }),
  };
}
