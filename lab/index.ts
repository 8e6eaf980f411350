/** The lab: disposable real hosts on this machine, and a mirror that stands in for the internet. */
export {
  type LabClusterHost,
  type LabClusterOptions,
  labCluster,
  labClusterYaml,
  type SpecOverrides,
} from './cluster-yaml.js';
export type { CommandResult } from './hosts/command.js';
export { labHostExec } from './hosts/exec.js';
export {
  ensureMirrored,
  type LabHost,
  type LabState,
  type LabStatus,
  type LabTopology,
  labClusterConfig,
  labDown,
  labState,
  labStatus,
  labUp,
} from './hosts/lab.js';
export { killLabHost, resetLabHost, shapeLabHost, startLabHost } from './hosts/members.js';
export type { LinkShape } from './hosts/network.js';
export { ensureLabReady } from './hosts/ready.js';
export { opsPassword, opsUser } from './hosts/recipe.js';
export { type ComponentVersion, type PrivateRegistry, promtool } from './mirror/index.js';
