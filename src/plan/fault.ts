/** Something that makes a plan impossible to run. */
export interface Fault {
  readonly type:
    | 'cycle'
    | 'duplicate-host'
    | 'duplicate-output'
    | 'empty-graph'
    | 'empty-node'
    | 'missing-host'
    | 'mixed-kinds'
    | 'shared-after-tree'
    | 'unknown-edge'
    | 'unknown-host'
    | 'unknown-need'
    | 'unwritten-output';
  readonly message: string;
}
