import { defineStep, needed } from '../define.js';
import type { ConfigureHostsFile, DisableSwap, SetHostname, SetTimezone } from './params.js';

export const setHostname = defineStep({
  kind: 'system.hostname',
  title: (p: SetHostname) => `Set the hostname to ${p.hostname}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const configureHostsFile = defineStep({
  kind: 'system.hosts-file',
  title: (p: ConfigureHostsFile) => `Enter ${p.entries.length} hosts in /etc/hosts`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const disableSwap = defineStep({
  kind: 'system.swap-off',
  title: (p: DisableSwap) => `Turn swap off ${Object.keys(p).length}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const setTimezone = defineStep({
  kind: 'system.timezone',
  title: (p: SetTimezone) => `Set the time zone to ${p.timezone}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
