import { error, type Issue, type Path } from '../issue.js';
import { type BastionInput, type LoginInput, loginMethods } from '../login.js';
import type { Check } from './context.js';

/** One way to log in per host: its own, or else that of `global`. */
export const checkLogins: Check = {
  relies: ['global'],
  find: ({ input: { spec } }) => [
    ...checkLevel(spec.global, ['spec', 'global']),
    ...checkBastion(spec.global.bastion, ['spec', 'global', 'bastion']),
    ...spec.hosts.flatMap((host, i) => [
      ...checkLevel(host, ['spec', 'hosts', i]),
      ...checkBastion(host.bastion, ['spec', 'hosts', i, 'bastion']),
    ]),
    ...(loginMethods(spec.global).length === 0 ? withoutLogin(spec.hosts) : []),
  ],
};

function checkBastion(bastion: BastionInput | undefined, path: Path): readonly Issue[] {
  if (bastion === undefined) return [];
  return [...checkLevel(bastion, path), ...checkBastion(bastion.bastion, [...path, 'bastion'])];
}

function checkLevel(level: LoginInput, path: Path): readonly Issue[] {
  const methods = loginMethods(level);
  const [first, second] = methods;
  const issues: Issue[] = [];
  if (first !== undefined && second !== undefined) {
    const message = `${methods.join(' and ')} are different ways to log in; keep one`;
    issues.push(error('several-logins', [...path, second], message, { at: 'key' }));
  }
  if (level.privateKeyPassphrase !== undefined && level.privateKeyPath === undefined) {
    const message = 'a passphrase without privateKeyPath beside it opens nothing';
    issues.push(error('passphrase-without-key', [...path, 'privateKeyPassphrase'], message, { at: 'key' }));
  }
  return issues;
}

function withoutLogin(hosts: readonly (LoginInput & { readonly name: string })[]): readonly Issue[] {
  const open = hosts.flatMap((host, i) => (loginMethods(host).length === 0 ? [{ name: host.name, i }] : []));
  const [first] = open;
  if (first === undefined) return [];
  const more =
    open.length === 1 ? '' : ` (nor ${open.length === 2 ? `has ${open[1]?.name}` : `have ${open.length - 1} others`})`;
  return [
    error('no-login', ['spec', 'hosts', first.i, 'name'], `host ${first.name} has no way to log in${more}`, {
      hint: 'add privateKeyPath: ~/.ssh/id_ed25519, or password: { env: NAME }, to the host or to spec.global; agent: true uses your ssh-agent',
    }),
  ];
}
