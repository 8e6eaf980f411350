import { sh } from '../../runner/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';

/**
 * `own`: a regular expression for the whole names that kubexm gives in the directory; what has another name is somebody else's.
 * `keep`: names that are still used.
 */
export interface RemoveStrayFiles {
  readonly directory: string;
  readonly own: string;
  readonly keep: readonly string[];
}

/** Files of kubexm's own that nothing uses any more, such as a policy under its earlier name. */
export const removeStrayFiles = defineStep<RemoveStrayFiles>({
  kind: 'file.remove-stray',
  title: ({ directory }) => `Leave nothing unused in ${directory}`,
  async precheck(ctx, p) {
    const stray = await strayIn(ctx, p);
    return stray.length === 0 ? satisfied('there is nothing else') : needed(stray.join(', '));
  },
  async run(ctx, p) {
    for (const name of await strayIn(ctx, p)) await ctx.host.remove(`${p.directory}/${name}`, { signal: ctx.signal });
  },
});

async function strayIn({ host, signal }: StepContext, p: RemoveStrayFiles): Promise<readonly string[]> {
  const { stdout } = await host.run(sh`[ ! -d ${p.directory} ] || find ${p.directory} -maxdepth 1 -type f`, { signal });
  const names = stdout.split('\n').flatMap((path) => (path === '' ? [] : [path.slice(p.directory.length + 1)]));
  const own = new RegExp(`^(?:${p.own})$`);
  return names.filter((name) => own.test(name) && !p.keep.includes(name)).toSorted();
}
