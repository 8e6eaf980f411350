import type { ClusterInput } from '../cluster.js';
import type { Issue } from '../issue.js';

/** What a check sees: the parts of the config that the schema accepts, and the names of the hosts it does not. */
export interface CheckContext {
  readonly input: ClusterInput;
  /** Names of all hosts, also of those that are left out of `input` because something about them is wrong. */
  readonly hostNames: ReadonlySet<string>;
}

/** A rule across fields. It may run on half a config: `relies` names the sections that must be free of errors for it. */
export interface Check {
  readonly relies: readonly string[];
  readonly find: (context: CheckContext) => readonly Issue[];
}
