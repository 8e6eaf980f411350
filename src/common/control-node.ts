/** The machine that kubexm runs on, as a host of plans and reports. No host of a cluster may have this name. */
export const CONTROL_NODE = 'control-node';
