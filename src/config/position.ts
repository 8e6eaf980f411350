import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Path } from '../apis/kubexms/v1alpha1/index.js';

/** Offsets in the text: `from` is the first character, `to` the one after the last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where `path` stands in the text. What is missing stands where its nearest existing ancestor does. */
export function spanOf(document: Document, path: Path, at: 'key' | 'value'): Span {
  let node: Node | null = document.contents;
  let span = headOf(undefined, node) ?? { from: 0, to: 0 };
  for (const [i, part] of path.entries()) {
    const next = step(resolved(document, node), part);
    if (next === undefined) return span;
    const last = i === path.length - 1;
    const { key, value } = next;
    // A missing child is shown at the key of the map that lacks it, an entry of a list at its first line.
    span = (last && at === 'value' ? whole(value) : undefined) ?? headOf(key, value) ?? span;
    node = value;
  }
  return span;
}

interface Place {
  readonly key: Node | undefined;
  readonly value: Node | null;
}

function step(node: Node | null, part: string | number): Place | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => keyText(item) === String(part));
    if (pair === undefined) return undefined;
    return { key: isNode(pair.key) ? pair.key : undefined, value: isNode(pair.value) ? pair.value : null };
  }
  if (!isSeq(node)) return undefined;
  const item = node.items[Number(part)];
  return isNode(item) ? { key: undefined, value: item } : undefined;
}

function keyText(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function resolved(document: Document, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

/** The key where there is one; else the first thing of the entry. */
function headOf(key: Node | undefined, value: Node | null): Span | undefined {
  if (key !== undefined) return whole(key);
  if (isMap(value)) {
    const [first] = value.items;
    if (isPair(first) && isNode(first.key)) return whole(first.key);
  }
  return whole(value);
}

function whole(node: Node | null): Span | undefined {
  const range = node?.range;
  return range ? { from: range[0], to: Math.max(range[1], range[0] + 1) } : undefined;
}
