import { type Issue, type Path, warning } from '../issue.js';
import type { BastionInput, LoginInput } from '../login.js';
import type { SecretInput } from '../secret-source.js';
import type { Check } from './context.js';

/** Secrets that stand in the file itself. */
export const checkSecrets: Check = {
  relies: [],
  find: ({ input: { spec } }) => [
    ...levelSecrets(spec.global, ['spec', 'global']),
    ...spec.hosts.flatMap((host, i) => levelSecrets(host, ['spec', 'hosts', i])),
    ...Object.entries(spec.registry.auths).flatMap(([registry, { password }]) =>
      plainSecret(password, ['spec', 'registry', 'auths', registry, 'password']),
    ),
  ],
};

type Level = LoginInput & {
  readonly sudoPassword?: SecretInput | undefined;
  readonly bastion?: BastionInput | undefined;
};

function levelSecrets(level: Level, path: Path): readonly Issue[] {
  return [
    ...plainSecret(level.password, [...path, 'password']),
    ...plainSecret(level.privateKeyPassphrase, [...path, 'privateKeyPassphrase']),
    ...plainSecret(level.sudoPassword, [...path, 'sudoPassword']),
    ...(level.bastion === undefined ? [] : levelSecrets(level.bastion, [...path, 'bastion'])),
  ];
}

function plainSecret(secret: SecretInput | undefined, path: Path): readonly Issue[] {
  if (typeof secret !== 'string') return [];
  const hint = `write ${String(path.at(-1))}: { env: NAME } and set the variable NAME; { file: PATH }, { exec: [COMMAND] } and { prompt: true } work too`;
  return [warning('plain-secret', path, 'a secret stands in the file for everyone to read', { hint })];
}
