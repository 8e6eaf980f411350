import { error, type Issue, warning } from '../issue.js';
import { nearest } from '../nearest.js';
import { expandRange } from '../ranges.js';
import { patternsOf, type RoleGroupsInput, resolveRoleGroups } from '../role-groups.js';
import { type Role, roles } from '../types.js';
import type { Check } from './context.js';

/** Every member of a role is a host. */
export const checkMembers: Check = {
  relies: [],
  find: ({ input: { spec }, hostNames }) => roles.flatMap((role) => membersOf(spec.roleGroups, role, hostNames)),
};

/** Every role that a cluster needs has hosts, and every host has a role. */
export const checkRoles: Check = {
  relies: ['roleGroups', 'etcd'],
  find: ({ input: { spec }, hostNames }) => {
    const groups = resolveRoleGroups(spec.roleGroups);
    const issues: Issue[] = [];
    const path = (key: string) => ['spec', 'roleGroups', key];
    if (spec.roleGroups.master !== undefined && spec.roleGroups['control-plane'].length > 0) {
      issues.push(
        error('role-twice', path('master'), '"master" and "control-plane" are the same role; keep one', { at: 'key' }),
      );
    }
    if (groups['control-plane'].length === 0) {
      issues.push(
        error('role-empty', path('control-plane'), 'no host has the role control-plane', {
          hint: 'control-plane: [m1]',
        }),
      );
    }
    if (spec.etcd.type === 'kubexm' && groups.etcd.length === 0) {
      const hint = 'etcd: [m1]; or spec.etcd.type: external for an etcd that exists';
      issues.push(error('role-empty', path('etcd'), 'no host has the role etcd', { hint }));
    }
    if (spec.etcd.type === 'external' && groups.etcd.length > 0) {
      issues.push(
        warning('role-unused', path('etcd'), 'etcd is external: nothing is installed on the hosts of this role'),
      );
    }
    if (spec.etcd.type === 'kubexm') issues.push(...quorum(groups.etcd.length));
    // A misspelt member is not missed twice.
    const complete = roles.every((role) => groups[role].every((name) => hostNames.has(name)));
    if (complete) issues.push(...idle(spec.hosts, groups));
    return issues;
  },
};

function idle(
  hosts: readonly { readonly name: string }[],
  groups: Readonly<Record<Role, readonly string[]>>,
): readonly Issue[] {
  const employed = new Set(Object.values(groups).flat());
  return hosts.flatMap(({ name }, i) => {
    if (employed.has(name)) return [];
    const message = `${name} has no role, so nothing is installed on it`;
    return [
      warning('host-without-role', ['spec', 'hosts', i, 'name'], message, { hint: 'name it in spec.roleGroups' }),
    ];
  });
}

function membersOf(groups: RoleGroupsInput, role: Role, hostNames: ReadonlySet<string>): readonly Issue[] {
  const { key, patterns } = patternsOf(groups, role);
  const seen = new Set<string>();
  return patterns.flatMap((pattern, i) => {
    const path = ['spec', 'roleGroups', key, i];
    const expansion = expandRange(pattern);
    if ('problem' in expansion) return [error('invalid-range', path, expansion.problem)];
    const unknown = expansion.names.filter((name) => !hostNames.has(name));
    const repeated = expansion.names.filter((name) => seen.has(name));
    for (const name of expansion.names) seen.add(name);
    const issues: Issue[] = [];
    if (unknown.length > 0) issues.push(unknownHosts(path, pattern, unknown, hostNames));
    if (repeated.length > 0)
      issues.push(warning('member-twice', path, `${listed(repeated)} already stands in this role`));
    return issues;
  });
}

function unknownHosts(
  path: readonly (string | number)[],
  pattern: string,
  unknown: readonly string[],
  hostNames: ReadonlySet<string>,
): Issue {
  const [first = ''] = unknown;
  const of = unknown.length === 1 && first === pattern ? '' : ` (from ${pattern})`;
  const meant = nearest(first, hostNames);
  return error('unknown-host', path, `no host is named ${listed(unknown)}${of}`, {
    hint: meant === undefined ? `hosts: ${listed([...hostNames])}` : `did you mean "${meant}"?`,
  });
}

function quorum(members: number): readonly Issue[] {
  if (members === 0 || members % 2 === 1) return [];
  const needed = members / 2 + 1;
  const failures = members - needed;
  const survived = failures === 1 ? '1 failure' : `${failures} failures`;
  const message = `${members} etcd members survive ${survived}, no more than ${members - 1} would: ${needed} of ${members} must be alive`;
  return [
    warning('even-etcd', ['spec', 'roleGroups', 'etcd'], message, { hint: `use ${members - 1} or ${members + 1}` }),
  ];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
