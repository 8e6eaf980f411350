import { KubexmError } from '../../errors/index.js';
import { draft, type Ref } from '../../plan/index.js';
import { kubectlApply, type StepContext } from '../../step/index.js';
import { defineTask } from '../context.js';
import { initHost } from '../kubernetes/init-host.js';
import { apiServing } from '../milestones.js';

/** The user's manifests, addon by addon in the order of the config. */
export const applyAddons = defineTask('apply-addons', (ctx) => {
  const g = draft<StepContext>('apply-addons');
  let before: Ref | undefined;
  for (const addon of ctx.cluster.spec.addons) {
    const manifest = ctx.manifests.get(addon.name);
    if (manifest === undefined)
      throw new KubexmError('INTERNAL', `the manifests of the addon ${addon.name} were not read`);
    before = g.add(addon.name, [initHost(ctx)], kubectlApply({ name: `addon ${addon.name}`, manifest }), {
      after: before ?? apiServing,
    });
  }
  return g.done();
});
