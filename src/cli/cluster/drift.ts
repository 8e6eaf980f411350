import { CONTROL_NODE } from '../../common/control-node.js';
import type { EngineEvent } from '../../engine/index.js';
import { asError } from '../../errors/index.js';
import type { Style } from '../../logger/index.js';
import { plural } from '../../logger/index.js';
import {
  certificateDrift,
  certificatesOf,
  createCluster,
  type ObservedCertificate,
  strayNodes,
} from '../../pipeline/index.js';
import type { Runtime } from '../../runtime/index.js';
import { readCluster } from '../operation.js';
import { nodesThereAre } from './execute.js';

/** How a cluster differs from its file, as `cluster plan` would find it. */
export interface Drift {
  readonly differences: readonly Difference[];
  /** Steps that depend on one of the differences and found none now: whether they do is known when that is put right. */
  readonly notCompared: number;
  /** Why it is not known, or not wholly. */
  readonly problems: readonly string[];
}

interface Difference {
  readonly host: string;
  readonly what: string;
  readonly because: string;
}

/** Compares the running cluster with the config, everything and everywhere, and changes nothing. The hosts have been surveyed. */
export async function findDrift(runtime: Runtime, down: readonly string[]): Promise<Drift> {
  if (down.length > 0)
    return {
      differences: [],
      notCompared: 0,
      problems: [`${down.join(', ')}: without all hosts nothing was compared`],
    };
  const never = new AbortController().signal;
  const events: EngineEvent[] = [];
  try {
    const graph = createCluster.plan(runtime.planContext());
    await runtime.run(graph, {
      mode: 'check',
      beyond: true,
      emit: (event) => void (event.type === 'job-finished' && events.push(event)),
      stop: { drain: never, abort: never },
    });
  } catch (error) {
    return { differences: [], notCompared: 0, problems: [asError(error).message] };
  }
  const found = driftOf(events);
  const nodes = await nodesThereAre(runtime);
  const strays = nodes ? strayNodes(runtime.planContext(), nodes) : [];
  const certificates = await readCluster(runtime, certificatesOf);
  return {
    ...found,
    differences: [
      ...found.differences,
      ...strays.map((host) => ({ host, what: 'node of the cluster', because: 'the cluster file does not have it' })),
      ...certificates.flatMap(certificateDifferences),
    ],
  };
}

/** What the checks of a plan found. */
export function driftOf(events: readonly EngineEvent[]): Drift {
  const finished = events.flatMap((event) => (event.type === 'job-finished' ? [event] : []));
  return {
    differences: finished.flatMap(({ host, title, outcome }) =>
      outcome.state === 'would-change'
        ? [{ host: host === CONTROL_NODE ? 'this machine' : host, what: title, because: outcome.because }]
        : [],
    ),
    notCompared: finished.filter(({ outcome }) => outcome.state === 'waits' || outcome.state === 'cancelled').length,
    problems: finished.flatMap(({ outcome }) => (outcome.state === 'failed' ? [outcome.error.message] : [])),
  };
}

/** Whether it is known that there is none. */
export function hasNoDrift({ differences, notCompared, problems }: Drift): boolean {
  return differences.length + notCompared + problems.length === 0;
}

/** A short list, host by host. */
export function formatDrift(drift: Drift, style: Style): string {
  const { differences, notCompared, problems } = drift;
  if (hasNoDrift(drift)) return 'Drift: none; the cluster is as its file says';
  const hosts = [...new Set(differences.map(({ host }) => host))];
  return [
    `Drift: ${plural(differences.length, 'difference')} from the cluster file`,
    ...hosts.flatMap((host) => [
      `  ${style.bold(host)}`,
      ...differences.filter((each) => each.host === host).map(({ what, because }) => `    ${what}: ${because}`),
    ]),
    ...problems.map((problem) => `  ${style.red('✖')} ${problem}`),
    ...(notCompared > 0
      ? [`  ${plural(notCompared, 'check')} more depend on these: what they find then is not known`]
      : []),
  ].join('\n');
}

function certificateDifferences(certificate: ObservedCertificate): Difference[] {
  const because = certificate.state === 'missing' ? ['is missing'] : certificateDrift(certificate);
  return because.map((each) => ({ host: certificate.host, what: certificate.path, because: each }));
}
