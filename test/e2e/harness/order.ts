import type { Scenario } from './scenario.js';

/**
 * The order in which a lab is made and reset least: those without a lab first (what they provide is used at once), then those
 * with the fewest hosts; users of a shared cluster beside each other, and the ones that break it last.
 */
export function inGoodOrder(scenarios: readonly Scenario[]): readonly Scenario[] {
  const provided = new Map(
    scenarios.flatMap((each) => (each.provides === undefined ? [] : [[each.provides, each] as const])),
  );
  const key = (each: Scenario): readonly (number | string)[] => {
    const provider =
      each.needs === undefined || each.needs === 'fresh' || each.needs === 'absent'
        ? undefined
        : provided.get(each.needs);
    const group = provider ?? each;
    const own = group === each ? 0 : 1;
    return [
      group.needs === 'absent' ? 0 : 1,
      group.hosts,
      group.needs === undefined || group.needs === 'fresh' ? 0 : 1,
      provider ? (each.needs ?? '') : (each.provides ?? each.needs ?? ''),
      own,
      each.breaks ? 1 : 0,
      each.id.replace(/\d+/g, (digits) => digits.padStart(4, '0')),
    ];
  };
  return [...scenarios].sort((a, b) => compare(key(a), key(b)));
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined || left === right) continue;
    return left < right ? -1 : 1;
  }
  return 0;
}
