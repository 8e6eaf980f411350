import * as z from 'zod';
import { duration, port } from './formats.js';
import { bastionSchema, loginFields, user } from './login.js';
import { secretInput } from './secret-source.js';

/** What every host takes that does not say otherwise. */
export const globalSchema = z.strictObject({
  user: user.default('root').describe('Login name.'),
  port: port.default(22).describe('SSH port.'),
  ...loginFields,
  sudoPassword: secretInput.optional().describe('Password for sudo; default: the login password where there is one.'),
  bastion: bastionSchema.optional().describe('Host to jump through.'),
  connectionTimeout: duration.default('10s').describe('How long connecting may take.'),
});

export type GlobalInput = z.output<typeof globalSchema>;
