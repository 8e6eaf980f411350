/** What a host pattern stands for, or why it is none. */
export type Expansion = { readonly names: readonly string[] } | { readonly problem: string };

/** A typing slip such as `w[1:90000000]` must not fill the memory. */
const mostNames = 10_000;

/**
 * `w[1:3]` → w1, w2, w3; `w[01:03]` keeps its zeros; several brackets multiply: `r[1:2]n[1:2]` → r1n1, r1n2, r2n1, r2n2.
 * A pattern without brackets stands for itself.
 */
export function expandRange(pattern: string): Expansion {
  const literals = pattern.split(/\[\d+:\d+\]/);
  if (literals.some((literal) => /[[\]]/.test(literal))) {
    return { problem: `"${pattern}" is not a range; write w[1:3] for w1, w2, w3` };
  }
  const ranges = [...pattern.matchAll(/\[(\d+):(\d+)\]/g)];
  let names = [literals[0] ?? ''];
  for (const [i, range] of ranges.entries()) {
    const [text, from = '', to = ''] = range;
    const count = Number(to) - Number(from) + 1;
    if (count < 1) return { problem: `the range ${text} runs backwards; write [${to}:${from}]` };
    if (count * names.length > mostNames) return { problem: `"${pattern}" stands for more than ${mostNames} hosts` };
    const numbers = Array.from({ length: count }, (_, n) => String(Number(from) + n).padStart(from.length, '0'));
    const after = literals[i + 1] ?? '';
    names = names.flatMap((name) => numbers.map((number) => `${name}${number}${after}`));
  }
  return { names };
}

/** The names a pattern stands for; a pattern that is none stands for itself. */
export function expandNames(patterns: readonly string[]): readonly string[] {
  const names = patterns.flatMap((pattern) => {
    const expansion = expandRange(pattern);
    return 'names' in expansion ? expansion.names : [pattern];
  });
  return [...new Set(names)];
}
