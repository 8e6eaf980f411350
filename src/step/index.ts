export { extractArchive } from './common/archive.js';
export { command } from './common/command.js';
export { downloadFile } from './common/download-file.js';
export type { DownloadFile, ExpectedChecksum } from './common/download-file-params.js';
export { renderTemplate, uploadFile, writeFile } from './common/file.js';
export { modprobe, sysctl } from './common/kernel.js';
export { installPackage, removePackage, updatePackageCache } from './common/packages.js';
export type * from './common/params.js';
export { fileChecksum, makeDirectory, removeFile } from './common/path.js';
export { configureHostsFile, disableSwap, setHostname, setTimezone } from './common/system.js';
export type * from './context.js';
export { type StepData, type StepFactory, type StepOverrides, stepFromData } from './define.js';
export * from './pki/index.js';
export { isServiceActive } from './systemd/active.js';
export type * from './systemd/params.js';
export {
  daemonReload,
  disableService,
  enableService,
  restartService,
  startService,
  stopService,
} from './systemd/service.js';
