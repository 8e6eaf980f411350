/** The lab: disposable real hosts on this machine, and a mirror that stands in for the internet. */
export {
  labCluster,
  type LabClusterHost,
  type LabClusterOptions,
  labClusterYaml,
  type SpecOverrides,
} from './cluster-yaml.js';
export type { CommandResult } from './hosts/command.js';
export { labHostExec } from './hosts/exec.js';
export {
  killLabHost,
  labClusterConfig,
  labDown,
  type LabHost,
  type LabState,
  labState,
  type LabStatus,
  labStatus,
  type LabTopology,
  labUp,
  resetLabHost,
  shapeLabHost,
  startLabHost,
} from './hosts/lab.js';
export type { LinkShape } from './hosts/network.js';
export { ensureLabReady } from './hosts/ready.js';
export { opsPassword, opsUser } from './hosts/recipe.js';
