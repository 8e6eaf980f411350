import { error } from '../issue.js';
import type { Check } from './context.js';

/** Addons have a name each. */
export const checkAddons: Check = {
  relies: ['addons'],
  find: ({ input: { spec } }) => {
    const first = new Map<string, number>();
    return spec.addons.flatMap(({ name }, i) => {
      const earlier = first.get(name);
      if (earlier === undefined) first.set(name, i);
      const path = ['spec', 'addons', i, 'name'];
      return earlier === undefined ? [] : [error('duplicate-addon', path, `addons[${earlier}] has the same name`)];
    });
  },
};
