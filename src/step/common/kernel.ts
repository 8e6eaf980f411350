import { defineStep, needed } from '../define.js';
import type { Modprobe, Sysctl } from './params.js';

export const modprobe = defineStep({
  kind: 'kernel.modules',
  title: (p: Modprobe) => `Load kernel modules ${p.modules.length}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const sysctl = defineStep({
  kind: 'kernel.sysctl',
  title: (p: Sysctl) => `Set kernel parameters ${p.file}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
