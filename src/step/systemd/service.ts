import { defineStep, needed } from '../define.js';
import type { DaemonReload, IsServiceActive, RestartService, ServiceName, StartService } from './params.js';

export const enableService = defineStep({
  kind: 'service.enable',
  title: (p: ServiceName) => `Enable ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const disableService = defineStep({
  kind: 'service.disable',
  title: (p: ServiceName) => `Disable ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const startService = defineStep({
  kind: 'service.start',
  title: (p: StartService) => `Start ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const stopService = defineStep({
  kind: 'service.stop',
  title: (p: ServiceName) => `Stop ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const restartService = defineStep({
  kind: 'service.restart',
  title: (p: RestartService) => `Restart ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const daemonReload = defineStep({
  kind: 'service.daemon-reload',
  title: (p: DaemonReload) => `Reload units ${p.units.length}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});

export const isServiceActive = defineStep({
  kind: 'service.active',
  title: (p: IsServiceActive) => `Wait for ${p.service}`,
  precheck: async () => needed('not written yet'),
  run: async () => undefined,
});
