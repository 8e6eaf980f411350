import * as z from 'zod';
import { addressOrName, scalars, text, texts } from './formats.js';
import { compact } from './objects.js';
import type { System } from './types.js';

const command = z.string().min(1);

export const systemSchema = z.strictObject({
  ntpServers: z.array(addressOrName).default([]).describe('Time servers; empty: the time service stays as it is.'),
  timezone: z
    .string()
    .refine(isTimezone, {
      error: ({ input }) => `${JSON.stringify(input)} is not a timezone such as UTC or Asia/Shanghai`,
    })
    .optional()
    .describe('Timezone of all hosts; absent: stays as it is.'),
  sysctl: scalars.default({}).describe('More kernel parameters.'),
  modules: z
    .array(text(/^[A-Za-z0-9_-]+$/, 'the name of a kernel module such as nf_conntrack'))
    .default([])
    .describe('More kernel modules.'),
  packages: z
    .array(text(/^[A-Za-z0-9][\w.+:-]*$/, 'the name of a package such as nfs-common'))
    .default([])
    .describe('More packages of the distribution.'),
  preInstall: z.array(command).default([]).describe('Shell commands run on every host before anything is installed.'),
  postInstall: z.array(command).default([]).describe('Shell commands run on every host after everything is installed.'),
});

export type SystemInput = z.output<typeof systemSchema>;

export function resolveSystem(input: SystemInput): System {
  return compact({ ...input, sysctl: texts(input.sysctl) });
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
