import * as z from 'zod';
import { type Path, pathText } from './issue.js';
import { schemaIssues } from './schema-issues.js';
import type { JsonObject } from './types.js';

const stages = z.array(z.enum(['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic']));
const names = z.array(z.string());
const nonResourceUrl = z.string().refine((url) => url === '*' || /^\/[^*]*\*?$/.test(url), {
  error: ({ input }) => `${JSON.stringify(input)} is no path such as /healthz* ("*" may only stand at its end)`,
});

const rule = z
  .strictObject({
    level: z
      .enum(['None', 'Metadata', 'Request', 'RequestResponse'])
      .describe('How much of a request is written down.'),
    users: names.optional().describe('Only requests of these users.'),
    userGroups: names.optional().describe('Only requests of these groups.'),
    verbs: names.optional().describe('Only these verbs, such as `delete`.'),
    resources: z
      .array(
        z
          .strictObject({
            group: z.string().default('').describe('API group without its version; empty: the core.'),
            resources: names.optional().describe('Such as `secrets` or `pods/log`.'),
            resourceNames: names.optional().describe('Only objects of these names.'),
          })
          .refine(({ resources = [], resourceNames = [] }) => resourceNames.length === 0 || resources.length > 0, {
            error: 'resourceNames needs resources beside it',
            path: ['resourceNames'],
          }),
      )
      .optional()
      .describe('Only these resources.'),
    namespaces: names.optional().describe('Only these namespaces; an empty name: what has none.'),
    nonResourceURLs: z.array(nonResourceUrl).optional().describe('Paths that are no resources, such as `/healthz*`.'),
    omitStages: stages.optional().describe('Stages that are left out.'),
    omitManagedFields: z.boolean().optional().describe('Leave out managedFields of bodies.'),
  })
  .refine(
    ({ nonResourceURLs = [], resources = [], namespaces = [] }) =>
      nonResourceURLs.length === 0 || resources.length + namespaces.length === 0,
    {
      error: 'a rule is for resources or for nonResourceURLs, not for both',
      path: ['nonResourceURLs'],
    },
  );

/** What kube-apiserver accepts as its audit policy. https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ */
export const auditPolicySchema = z.strictObject({
  apiVersion: z.literal('audit.k8s.io/v1').describe('Always `audit.k8s.io/v1`.'),
  kind: z.literal('Policy').describe('Always `Policy`.'),
  metadata: z.record(z.string(), z.unknown()).optional().describe('Means nothing to the API server.'),
  omitStages: stages.optional().describe('Stages that are left out of all rules.'),
  omitManagedFields: z.boolean().optional().describe('Leave out managedFields of bodies.'),
  rules: z.array(rule).min(1).describe('The first rule that fits a request decides.'),
});

export type AuditPolicyInput = z.output<typeof auditPolicySchema>;

/** What is wrong with a policy that was read from a file; empty where nothing is. */
export function auditPolicyProblems(raw: unknown): readonly string[] {
  const parsed = auditPolicySchema.safeParse(raw);
  if (parsed.success) return [];
  return schemaIssues(auditPolicySchema, parsed.error.issues, raw).map(
    ({ path, message, hint }) => `${where(path)}${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

/** The policy as plain data, without what was left out. */
export function plainPolicy(policy: AuditPolicyInput): JsonObject {
  return JSON.parse(JSON.stringify(policy)) as JsonObject;
}

function where(path: Path): string {
  return path.length === 0 ? '' : `${pathText(path)}: `;
}
