import { defineStep, needed } from '../define.js';
import type { Command } from './params.js';

export const command = defineStep({
  kind: 'command',
  title: (p: Command) => p.title ?? p.command,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
