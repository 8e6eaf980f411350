import { shapeLabHost } from '../../../lab/index.js';
import { acting, finished, killAndRunAgain, type Moment } from '../harness/killed.js';
import { scenario } from '../harness/scenario.js';
import { seconds } from '../harness/tools.js';

const one = { controlPlanes: 1, workers: 2 };
/** etcd on all three hosts: learners are added and promoted while the rest goes on. */
const three = { controlPlanes: 1, etcd: 3, workers: 2 };
const randomMoments = Number(process.env['KUBEXM_E2E_RANDOM_MOMENTS'] ?? 10);
/** Less than a create takes on a fast machine: it is killed while it works. */
const longestMs = 24_000;

export const create5 = scenario({
  id: 'create-5',
  title: 'killed with -9 at any moment and run again, create ends with a whole cluster and nothing done twice',
  hosts: 3,
  timeoutMinutes: 40,
  async run(t) {
    const [, second = '', slow = ''] = t.hostNames;
    const moments: Moment[] = [
      {
        name: 'inside kubeadm init',
        topology: one,
        when: (events) => acting(events, '/kubeadm-init', { forMs: 3000 }),
      },
      {
        name: 'during the upload of a binary to a slow host',
        topology: one,
        async prepare() {
          await shapeLabHost(slow, { rateMbit: 60 });
          return () => shapeLabHost(slow, undefined);
        },
        when: (events) =>
          acting(events, '/upload-kubelet', { host: slow, forMs: 500 }) && finished(events, '/upload-kubelet', second),
      },
      {
        name: "inside a worker's join",
        topology: one,
        when: (events) => acting(events, '/join-workers/kubeadm-join', { forMs: 500 }),
      },
      {
        name: 'while an etcd learner is added',
        topology: three,
        when: (events) => acting(events, `/add-${second}`) || acting(events, `/promote-${second}`),
      },
    ];
    const random = seeded(t, Number(process.env['KUBEXM_E2E_SEED'] ?? Date.now() % 1_000_000));
    for (let n = 0; n < randomMoments; n += 1) moments.push(random(n % 2 === 0 ? one : three));
    for (const moment of moments) {
      const { ms, foundDone } = await killAndRunAgain(t, moment);
      t.measure(
        `killed ${moment.name}`,
        `after ${seconds(ms[0])}; the second run took ${seconds(ms[1])} and found ${foundDone} jobs done`,
      );
    }
  },
});

/** Moments by a seed that is printed: `KUBEXM_E2E_SEED=… npm run e2e -- create-5` makes the same ones. */
export function seeded(
  t: { measure(name: string, value: string): void },
  seed: number,
): (topology: Moment['topology']) => Moment {
  t.measure('seed of the random moments', String(seed));
  let state = seed;
  return (topology) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const afterMs = 700 + Math.floor((state / 2 ** 32) * (longestMs - 700));
    return { name: `at ${seconds(afterMs)}`, topology, when: (_, ms) => ms >= afterMs };
  };
}
