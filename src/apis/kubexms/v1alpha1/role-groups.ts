import * as z from 'zod';
import { expandNames } from './ranges.js';
import { type Role, roles } from './types.js';

const members = z.array(z.string().min(1));

/** Which hosts do what. */
export const roleGroupsSchema = z.strictObject({
  etcd: members.default([]).describe('Members of etcd; best three or five.'),
  'control-plane': members.default([]).describe('Hosts that run the Kubernetes control plane.'),
  // Read silently: it is what KubeKey's users write.
  master: members.optional().describe('Another name of `control-plane`.'),
  worker: members.default([]).describe('Hosts that run workloads.'),
  loadbalancer: members.default([]).describe('Hosts in front of the API servers.'),
});

export type RoleGroupsInput = z.output<typeof roleGroupsSchema>;

/** The patterns of a role, and under which key they stand. */
export function patternsOf(groups: RoleGroupsInput, role: Role): { key: string; patterns: readonly string[] } {
  if (role === 'control-plane' && groups.master !== undefined && groups['control-plane'].length === 0) {
    return { key: 'master', patterns: groups.master };
  }
  return { key: role, patterns: groups[role] };
}

/** Host names of every role, ranges expanded, nothing twice. */
export function resolveRoleGroups(groups: RoleGroupsInput): Readonly<Record<Role, readonly string[]>> {
  const entries = roles.map((role) => [role, expandNames(patternsOf(groups, role).patterns)]);
  return Object.fromEntries(entries) as Record<Role, readonly string[]>;
}
