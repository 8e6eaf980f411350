import type { Fault } from './fault.js';
import { outputsIn } from './output.js';
import type { NodeLinks } from './resolve.js';
import type { FragmentNode, Json } from './types.js';

/** Faults outputs that two nodes write, and outputs that are read where their writer does not stand upstream. */
export function checkOutputs<Ctx>(
  nodes: readonly FragmentNode<Ctx>[],
  links: NodeLinks,
  order: readonly number[],
  faults: Fault[],
): void {
  const writers = new Map<string, number>();
  const reads: { readonly output: string; readonly reader: number }[] = [];
  const readsOfParams = new Map<Json, readonly string[]>();
  for (const [index, node] of nodes.entries()) {
    const seen = new Set<string>();
    for (const { step } of node.jobs) {
      for (const output of step.writes ?? []) {
        const other = writers.get(output);
        if (other === undefined) writers.set(output, index);
        else if (other !== index) {
          const message = `the output ${output} is written by ${nodes[other]?.id} and by ${node.id}`;
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
        if (seen.has(output) || step.writes?.includes(output) === true) continue;
        seen.add(output);
        reads.push({ output, reader: index });
      }
    }
  }
  if (reads.length === 0) return;

  const readersByWriter = new Map<number, Set<number>>();
  for (const { output, reader } of reads) {
    const writer = writers.get(output);
    if (writer === undefined) {
      faults.push({
        type: 'unwritten-output',
        message: `${nodes[reader]?.id} reads the output ${output}, which nothing in the plan writes`,
      });
      continue;
    }
    const readers = readersByWriter.get(writer);
    if (readers === undefined) readersByWriter.set(writer, new Set([reader]));
    else readers.add(reader);
  }
  const upstream = upstreamQuestions(links, order);
  for (const [writer, readers] of readersByWriter) {
    const below = upstream(writer, readers);
    for (const { output, reader } of reads) {
      if (writers.get(output) !== writer || below.has(reader)) continue;
      const message = `${nodes[reader]?.id} reads the output ${output}, but does not wait for ${nodes[writer]?.id}, which writes it`;
      faults.push({ type: 'unwritten-output', message });
    }
  }
}

/** Answers which of some nodes stand below another; looks no further than the last of them in the order. */
function upstreamQuestions(
  links: NodeLinks,
  order: readonly number[],
): (writer: number, readers: ReadonlySet<number>) => ReadonlySet<number> {
  const rank = new Uint32Array(links.length);
  for (const [position, index] of order.entries()) rank[index] = position;
  const dependents: number[][] = links.map(() => []);
  for (const [index, own] of links.entries()) for (const { from } of own) dependents[from]?.push(index);

  return (writer, readers) => {
    let last = 0;
    for (const reader of readers) last = Math.max(last, rank[reader] ?? 0);
    const below = new Set<number>();
    const open = [writer];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const dependent of dependents[at] ?? []) {
        if (below.has(dependent) || (rank[dependent] ?? 0) > last) continue;
        below.add(dependent);
        open.push(dependent);
      }
    }
    return below;
  };
}
