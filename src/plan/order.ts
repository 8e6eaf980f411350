import type { NodeLinks } from './resolve.js';

/**
 * A topological order in which, of the nodes that could stand next, the one that was planned first does; so an order of
 * planning that already fits is kept. `cycles`: one path for each knot, first node repeated at the end.
 */
export function sortNodes(links: NodeLinks): {
  readonly order: readonly number[];
  readonly cycles: readonly (readonly number[])[];
} {
  const dependents: number[][] = links.map(() => []);
  const open = links.map((own, index) => {
    for (const { from } of own) dependents[from]?.push(index);
    return own.length;
  });
  const ready = new MinHeap();
  for (const [index, count] of open.entries()) if (count === 0) ready.push(index);

  const order: number[] = [];
  const placed = new Uint8Array(links.length);
  const cycles: (readonly number[])[] = [];
  const place = (index: number): void => {
    placed[index] = 1;
    for (const dependent of dependents[index] ?? []) {
      const left = (open[dependent] ?? 0) - 1;
      open[dependent] = left;
      if (left === 0 && placed[dependent] === 0) ready.push(dependent);
    }
  };
  let lowest = 0;
  for (;;) {
    for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
      if (placed[index] === 1) continue;
      order.push(index);
      place(index);
    }
    while (lowest < links.length && placed[lowest] === 1) lowest += 1;
    if (lowest === links.length) return { order, cycles };
    // Cut the knot, so that the others are found as well.
    const cycle = findCycle(links, placed, lowest);
    cycles.push([...cycle, ...cycle.slice(0, 1)]);
    for (const index of cycle) place(index);
  }
}

/** Every node that is left waits for one that is left: walking backwards must come round. */
function findCycle(links: NodeLinks, placed: Uint8Array, start: number): readonly number[] {
  const path: number[] = [];
  const positions = new Map<number, number>();
  let at = start;
  while (!positions.has(at)) {
    positions.set(at, path.length);
    path.push(at);
    at = (links[at] ?? []).find(({ from }) => placed[from] === 0)?.from ?? at;
  }
  const knot = path.slice(positions.get(at)).reverse();
  const first = knot.indexOf(Math.min(...knot.slice(0, 10_000)));
  return [...knot.slice(first), ...knot.slice(0, first)];
}

class MinHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] ?? 0;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && (items[child + 1] ?? 0) < (items[child] ?? 0)) child += 1;
      const below = items[child] ?? 0;
      if (below >= last) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
