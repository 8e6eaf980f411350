import * as z from 'zod';
import type { SecretSource } from '../../../secrets/secret.js';
import { addressOrName, port, text } from './formats.js';
import { compact } from './objects.js';
import type { PathExpander } from './paths.js';
import { optionalSecret, secretInput, toSecretSource } from './secret-source.js';
import type { Bastion, Login } from './types.js';

/** The keys that say how to log in; the same on a host, in `global` and on a bastion. */
export const loginFields = {
  privateKeyPath: z
    .string()
    .min(1)
    .optional()
    .describe('Private key file on the control machine; `~` is the home directory.'),
  privateKeyPassphrase: secretInput.optional().describe('Passphrase of the private key.'),
  password: secretInput.optional().describe('Login password.'),
  agent: z.boolean().optional().describe('`true`: log in with the keys of the running ssh-agent.'),
};

const loginObject = z.object(loginFields);
export type LoginInput = z.output<typeof loginObject>;

export const user = text(/^[A-Za-z_][\w.-]*\$?$/, 'a user name such as root');

export const hostKey = text(
  /^(?:(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,2}(?: .*)?|SHA256:[A-Za-z0-9+/]{43}=?)$/,
  'a host key; write "ssh-ed25519 AAAA..." or "SHA256:..."',
);

/** A bastion may have a bastion of its own: the hop before it. */
export interface BastionInput extends LoginInput {
  address: string;
  port: number;
  user?: string | undefined;
  hostKey?: string | undefined;
  bastion?: BastionInput | undefined;
}

export const bastionSchema = z
  .strictObject({
    address: addressOrName.describe('Address or DNS name of the bastion.'),
    port: port.default(22).describe('SSH port.'),
    user: user.optional().describe('Login name; default: that of the host behind it.'),
    ...loginFields,
    hostKey: hostKey.optional().describe('Pinned host key: `ssh-ed25519 AAAA...` or `SHA256:...`.'),
    get bastion(): z.ZodOptional<z.ZodType<BastionInput>> {
      return z
        .optional(bastionSchema as unknown as z.ZodType<BastionInput>)
        .describe('Host to jump through before it.');
    },
  })
  .meta({ id: 'bastion' });

/** The ways to log in that a level names: more than one is a mistake, none means that the level above decides. */
export function loginMethods(input: LoginInput): readonly ('privateKeyPath' | 'password' | 'agent')[] {
  return [
    ...(input.privateKeyPath === undefined ? [] : (['privateKeyPath'] as const)),
    ...(input.password === undefined ? [] : (['password'] as const)),
    ...(input.agent === true ? (['agent'] as const) : []),
  ];
}

/** The login of one level, or undefined where it names none. */
export function toLogin(input: LoginInput, expandPath: PathExpander): Login | undefined {
  if (input.privateKeyPath !== undefined) {
    const passphrase = optionalSecret(input.privateKeyPassphrase, expandPath);
    return compact({ type: 'privateKey' as const, path: expandPath(input.privateKeyPath), passphrase });
  }
  if (input.password !== undefined) return { type: 'password', password: toSecretSource(input.password, expandPath) };
  return input.agent === true ? { type: 'agent' } : undefined;
}

/** What a bastion does not say itself it takes from the host behind it. */
export function toBastion(
  input: BastionInput,
  behind: { user: string; login: Login },
  expandPath: PathExpander,
): Bastion {
  const userName = input.user ?? behind.user;
  const login = toLogin(input, expandPath) ?? behind.login;
  return compact({
    address: input.address,
    port: input.port,
    user: userName,
    login,
    hostKey: input.hostKey,
    bastion: input.bastion && toBastion(input.bastion, { user: userName, login }, expandPath),
  });
}

/** sudo asks for the login password unless another one was given. */
export function sudoPasswordOf(own: SecretSource | undefined, login: Login): SecretSource | undefined {
  return own ?? (login.type === 'password' ? login.password : undefined);
}
