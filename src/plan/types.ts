/** Plain data: printable, comparable, hashable. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Hosts are known to plans by their name alone. */
export type HostName = string;

export { CONTROL_NODE } from '../common/control-node.js';

/** The id of an output. The type of its value is carried for the compiler only. */
export type OutputId<T extends Json = Json> = string & { readonly $type?: T };

/**
 * A value learned at run time. Plain data, so that it can stand in params (hence no interface: those are no Json).
 * `seal` checks that every output that is read is written upstream of its reader.
 */
export type Output<T extends Json = Json> = { readonly $output: OutputId<T> };

/** What a look at the host found. `before` is handed to `run` and `rollback`: what was there. */
export type Precheck<Before = unknown> =
  | { readonly state: 'satisfied'; readonly because: string }
  | { readonly state: 'needed'; readonly because: string; readonly before?: Before };

/** Limits of one step as data. Milliseconds; `attempts` counts the first one too. */
export interface StepPolicy {
  readonly timeoutMs?: number;
  readonly attempts?: number;
  readonly backoffMs?: number;
}

/** All that the engine knows about work. A precheck that cannot tell throws: "unknown" never means "absent". */
export interface Step<Ctx> {
  /** For example `file.upload`. */
  readonly kind: string;
  /** For people: `Upload /etc/etcd/etcd.yaml`. */
  readonly title: string;
  readonly params: Json;
  /** Names of limited resources that it holds while it runs: `upload`, `kubeadm-join`, `etcd-membership`. */
  readonly uses?: readonly string[];
  /** Ids of the outputs that it fills: in `run`, or in `precheck` where that answers `satisfied`. */
  readonly writes?: readonly string[];
  readonly policy?: StepPolicy;
  /** False where asking the precheck again after `run` tells nothing. Default true. */
  readonly recheck?: boolean;
  /** True where `run` changes nothing and only waits until things are as wanted: it ends as satisfied, never as changed. */
  readonly waits?: boolean;
  /** True where it answers to what steps before it do: while those have something to do, its own answer says nothing. */
  readonly reacts?: boolean;
  precheck(ctx: Ctx): Promise<Precheck>;
  run(ctx: Ctx, before: unknown): Promise<void>;
  rollback?(ctx: Ctx, before: unknown): Promise<void>;
}

/** `barrier` waits for all hosts of the node before; `sameHost` lets each host run ahead on its own. */
export type EdgeKind = 'barrier' | 'sameHost';

/**
 * Only on `sameHost`: hosts that the node before does not have wait for nothing. Without it each host of the dependent
 * must be on the node before, and `seal` faults the ones that are not.
 */
export type EdgeWhere = 'present';

export interface Edge {
  readonly node: string;
  readonly kind: EdgeKind;
  readonly where?: EdgeWhere;
}

/** A need of something that another fragment provides; resolved to edges by `seal`, a fault when nobody provides it. */
export interface Need {
  readonly milestone: string;
  readonly kind: EdgeKind;
  readonly where?: EdgeWhere;
}

/** What something can wait for: a node, or a milestone that stands for the nodes which provide it. */
export type Target = { readonly node: string } | { readonly milestone: string };

export interface Job<Ctx> {
  readonly host: HostName;
  readonly step: Step<Ctx>;
}

/** One named piece of work on one or more hosts; the step may differ by host (its params, never its kind). */
export interface FragmentNode<Ctx> {
  /** Tree path, or a shared id, which starts with `/`. */
  readonly id: string;
  readonly jobs: readonly Job<Ctx>[];
  readonly after: readonly Edge[];
  readonly needs: readonly Need[];
}

/** What planners return: a value. Entries and exits are derived from it, never kept. */
export interface ExecutionFragment<Ctx> {
  readonly nodes: ReadonlyMap<string, FragmentNode<Ctx>>;
  /** Milestone id → what together reaches it; nothing at all means that it is reached from the start. */
  readonly provides: ReadonlyMap<string, readonly Target[]>;
}

/** An edge of a sealed graph: `sameHost` holds on the hosts that both ends have. */
export interface GraphEdge {
  readonly node: string;
  readonly kind: EdgeKind;
}

export interface GraphNode<Ctx> {
  readonly id: string;
  readonly jobs: readonly Job<Ctx>[];
  readonly after: readonly GraphEdge[];
}

/** A closed plan; only `seal` makes one. Nodes stand in a topological order. */
export interface ExecutionGraph<Ctx> {
  readonly name: string;
  readonly hosts: readonly HostName[];
  readonly nodes: readonly GraphNode<Ctx>[];
  /** Keeps hand-made objects out: the engine takes only what `seal` returned. */
  readonly sealed: symbol;
}
