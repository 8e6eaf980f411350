import { acting, killAndRunAgain } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

export const create5b = scenario({
  id: 'create-5b',
  title: 'killed with -9 inside kubeadm init and run again, create ends with a whole cluster and one init',
  core: true,
  hosts: 2,
  async run(t) {
    const { ms, foundDone } = await killAndRunAgain(t, {
      name: 'inside kubeadm init',
      topology: { controlPlanes: 1, workers: 1 },
      when: (events) => acting(events, '/kubeadm-init', { forMs: 3000 }),
    });
    t.measure('killed after, second run', `${seconds(ms[0])}, ${seconds(ms[1])}; ${foundDone} jobs were found done`);
  },
});
