import { defineStep, needed } from '../define.js';
import type { InstallPackage, RemovePackage, UpdatePackageCache } from './params.js';

export const installPackage = defineStep({
  kind: 'package.install',
  title: (p: InstallPackage) => `Install ${p.packages.length}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const removePackage = defineStep({
  kind: 'package.remove',
  title: (p: RemovePackage) => `Remove ${p.packages.length}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const updatePackageCache = defineStep({
  kind: 'package.refresh',
  title: (p: UpdatePackageCache) => `Refresh the package lists ${p.manager}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
