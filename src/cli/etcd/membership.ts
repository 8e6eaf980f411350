import type { Cluster } from '../../apis/kubexms/v1alpha1/index.js';
import { placeOf } from '../../config/index.js';
import {
  type ClusterGraph,
  type EtcdObservation,
  etcdStateBeside,
  type PlanContext,
  whyNoSnapshot,
} from '../../pipeline/index.js';
import type { Io } from '../io.js';
import { type OperationOptions, readCluster, runOperation, sizeOf } from '../operation.js';
import type { Question } from '../prompt.js';

interface MembershipOperation {
  readonly cluster: Cluster;
  readonly options: OperationOptions;
  readonly io: Io;
  /** As the user calls it. */
  readonly name: string;
  /** Hosts that it cannot do without, beside the control planes. */
  readonly needs?: readonly string[];
  /** Hosts that may be dead, even control planes, and have no role any more. */
  readonly leaving?: readonly string[];
  /** What will come of it, in words; throws GUARD_REFUSED. */
  forecast(ctx: PlanContext, observed: EtcdObservation): readonly string[];
  plan(ctx: PlanContext, basis: { readonly observed: EtcdObservation; readonly snapshot: boolean }): ClusterGraph;
  /** What it does, for the summary. */
  headline(ctx: PlanContext, observed: EtcdObservation): string;
  question?(ctx: PlanContext, observed: EtcdObservation): Question | undefined;
  next(): string;
}

/** A change of etcd's members: they are read when nobody else can change them any more, and again right before each change. */
export async function changeMembership(operation: MembershipOperation): Promise<number> {
  const { cluster, options, io, name, needs = [], leaving = [] } = operation;
  const needed = new Set([
    ...needs,
    ...cluster.spec.roleGroups['control-plane'].filter((host) => !leaving.includes(host)),
  ]);
  let lines: readonly string[] = [];
  let headline = '';
  let questions: readonly Question[] = [];
  const { exitCode } = await runOperation<EtcdObservation>({
    cluster,
    options,
    io,
    name,
    mayBeDown: (host) => !needed.has(host),
    also: leaving,
    read: (runtime) => readCluster(runtime, etcdStateBeside(leaving)),
    plan(ctx, observed) {
      lines = operation.forecast(ctx, observed);
      headline = operation.headline(ctx, observed);
      const without = whyNoSnapshot(ctx, observed);
      questions = [
        ...(without === undefined ? [] : [noSnapshot(without)]),
        operation.question?.(ctx, observed) ?? [],
      ].flat();
      return operation.plan(ctx, { observed, snapshot: without === undefined });
    },
    summary: (graph) => [`${headline}; ${sizeOf(graph)}`, ...lines.map((line) => `  ${line}`)].join('\n'),
    question: () => joined(questions),
    next: () => operation.next(),
  });
  return exitCode;
}

function noSnapshot(why: string): Question {
  return {
    lines: [`No snapshot of etcd can be taken: ${why}.`, 'Without one there is no way back.'],
    question: 'Go on?',
  };
}

/** One question for all that is at stake. */
function joined(questions: readonly Question[]): Question | undefined {
  const last = questions.at(-1);
  return last && { ...last, lines: questions.flatMap(({ lines }) => lines) };
}

/** What the user must change in the config after a member is gone; empty where there is nothing to change. */
export async function withoutRole({ spec }: Cluster, path: string, host: string): Promise<string> {
  const { etcd } = spec.roleGroups;
  if (!etcd.includes(host)) return '';
  const place = await placeOf(path, ['spec', 'roleGroups', 'etcd']);
  const rest = etcd.filter((name) => name !== host);
  return [
    `Write into the config (${place}), spec.roleGroups: etcd: [${rest.join(', ')}]`,
    `As long as ${host} is there, kubexm cluster create makes it a member again.`,
  ].join('\n');
}
