import * as z from 'zod';
import { Secret, type SecretSource } from '../../../secrets/secret.js';
import type { PathExpander } from './paths.js';

const forms = '{ env: NAME }, { file: PATH }, { exec: [COMMAND, ARGUMENT] } or { prompt: true }';

/** A secret as the YAML says it: where it comes from, or, with a warning, the secret itself. */
export const secretInput = z
  .union(
    [
      z.string().min(1),
      z.strictObject({
        env: z
          .string()
          .regex(/^[A-Za-z_]\w*$/, { error: 'not the name of an environment variable, such as SSH_PASSWORD' })
          .describe('Name of an environment variable.'),
      }),
      z.strictObject({ file: z.string().min(1).describe('File whose first line is the secret.') }),
      z.strictObject({
        exec: z.array(z.string().min(1)).min(1).describe('Command whose first line of output is the secret.'),
      }),
      z.strictObject({ prompt: z.literal(true).describe('Ask on the terminal.') }),
    ],
    { error: `not a secret; write one of ${forms}` },
  )
  .meta({ id: 'secret' });

export type SecretInput = z.output<typeof secretInput>;

export function toSecretSource(input: SecretInput, expandPath: PathExpander): SecretSource {
  if (typeof input === 'string') return { plain: new Secret(input) };
  return 'file' in input ? { file: expandPath(input.file) } : input;
}

/** As toSecretSource, where the secret may be absent. */
export function optionalSecret(input: SecretInput | undefined, expandPath: PathExpander): SecretSource | undefined {
  return input === undefined ? undefined : toSecretSource(input, expandPath);
}
