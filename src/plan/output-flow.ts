import type { Fault } from './fault.js';
import { outputsIn } from './output.js';
import type { NodeLinks, ResolvedLink } from './resolve.js';
import type { FragmentNode, HostName, Json } from './types.js';

interface Writer {
  readonly node: number;
  readonly hosts: Set<HostName>;
}

interface Read {
  readonly output: string;
  readonly reader: number;
  readonly hosts: readonly HostName[];
}

/** Faults outputs that two nodes write, and outputs that a job reads without waiting for the job that writes them. */
export function checkOutputs<Ctx>(
  nodes: readonly FragmentNode<Ctx>[],
  links: NodeLinks,
  order: readonly number[],
  faults: Fault[],
): void {
  const { writers, reads } = flowOf(nodes, faults);
  const readsByWriter = new Map<Writer, Read[]>();
  for (const read of reads) {
    const writer = writers.get(read.output);
    if (writer === undefined) {
      faults.push({
        type: 'unwritten-output',
        message: `${nodes[read.reader]?.id} reads the output ${read.output}, which nothing in the plan writes`,
      });
      continue;
    }
    const known = readsByWriter.get(writer);
    if (known === undefined) readsByWriter.set(writer, [read]);
    else known.push(read);
  }
  const downstream = downstreamQuestions(nodes, links, order);
  for (const [writer, own] of readsByWriter) {
    const behind = downstream(
      writer,
      own.map(({ reader }) => reader),
    );
    for (const { output, reader, hosts } of own) {
      const waiting = behind(reader);
      if (waiting === 'all') continue;
      const early = hosts.filter((host) => waiting?.has(host) !== true);
      if (early.length === 0) continue;
      const where = waiting === undefined ? '' : ` on ${early.join(', ')}`;
      const message = `${nodes[reader]?.id}${where} reads the output ${output}, but does not wait for ${nodes[writer.node]?.id}, which writes it`;
      faults.push({ type: 'unwritten-output', message });
    }
  }
}

function flowOf<Ctx>(
  nodes: readonly FragmentNode<Ctx>[],
  faults: Fault[],
): { readonly writers: ReadonlyMap<string, Writer>; readonly reads: readonly Read[] } {
  const writers = new Map<string, Writer>();
  const reads: Read[] = [];
  const readsOfParams = new Map<Json, readonly string[]>();
  for (const [index, node] of nodes.entries()) {
    const readers = new Map<string, HostName[]>();
    for (const { host, step } of node.jobs) {
      for (const output of step.writes ?? []) {
        const other = writers.get(output);
        if (other === undefined) writers.set(output, { node: index, hosts: new Set([host]) });
        else if (other.node === index) other.hosts.add(host);
        else {
          const message = `the output ${output} is written by ${nodes[other.node]?.id} and by ${node.id}`;
          if (!faults.some((fault) => fault.message === message)) faults.push({ type: 'duplicate-output', message });
        }
      }
      let outputs = readsOfParams.get(step.params);
      if (outputs === undefined) {
        outputs = outputsIn(step.params);
        readsOfParams.set(step.params, outputs);
      }
      for (const output of outputs) {
        // A step names the output that it fills in its own params.
        if (step.writes?.includes(output) === true) continue;
        const known = readers.get(output);
        if (known === undefined) readers.set(output, [host]);
        else known.push(host);
      }
    }
    for (const [output, hosts] of readers) reads.push({ output, reader: index, hosts });
  }
  return { writers, reads };
}

/** The hosts of a node whose jobs come after a writer: all of them, some, or none (undefined). */
type Waiting = 'all' | ReadonlySet<HostName> | undefined;

/**
 * Answers which jobs wait for a writer's: behind a barrier all do; along sameHost edges those of its host alone, as far as
 * the chain has a job there. Looks no further than the last of the readers in the order.
 */
function downstreamQuestions<Ctx>(
  nodes: readonly FragmentNode<Ctx>[],
  links: NodeLinks,
  order: readonly number[],
): (writer: Writer, readers: readonly number[]) => (reader: number) => Waiting {
  const rank = new Uint32Array(links.length);
  for (const [position, index] of order.entries()) rank[index] = position;
  const hostSets: (ReadonlySet<HostName> | undefined)[] = [];
  const hostsOf = (index: number): ReadonlySet<HostName> =>
    (hostSets[index] ??= new Set((nodes[index]?.jobs ?? []).map(({ host }) => host)));
  // By link: a thousand hosts are compared once, and not for each writer.
  const metHosts = new Map<ResolvedLink, Waiting>();
  const met = (link: ResolvedLink, index: number): Waiting => {
    let hosts = metHosts.get(link);
    if (hosts === undefined) {
      hosts = common(hostsOf(index), hostsOf(link.from));
      metHosts.set(link, hosts);
    }
    return hosts;
  };

  return (writer, readers) => {
    const last = readers.reduce((most, reader) => Math.max(most, rank[reader] ?? 0), 0);
    const behind = new Map<number, Waiting>([[writer.node, writer.hosts]]);
    for (let position = (rank[writer.node] ?? 0) + 1; position <= last; position += 1) {
      const index = order[position] ?? 0;
      let waiting: Waiting;
      for (const link of links[index] ?? []) {
        const before = behind.get(link.from);
        if (before === undefined) continue;
        if (link.kind === 'barrier') waiting = 'all';
        else waiting = union(waiting, before === 'all' ? met(link, index) : common(hostsOf(index), before));
        if (waiting === 'all') break;
      }
      if (waiting !== undefined) behind.set(index, waiting);
    }
    return (reader) => behind.get(reader);
  };
}

/** Those of `hosts` that are among the others too. */
function common(hosts: ReadonlySet<HostName>, others: ReadonlySet<HostName>): Waiting {
  if (hosts === others) return 'all';
  const [fewer, more] = hosts.size <= others.size ? [hosts, others] : [others, hosts];
  const both = new Set<HostName>();
  for (const host of fewer) if (more.has(host)) both.add(host);
  if (both.size === hosts.size) return 'all';
  return both.size === 0 ? undefined : both;
}

function union(a: Waiting, b: Waiting): Waiting {
  if (a === undefined || b === undefined) return a ?? b;
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}
