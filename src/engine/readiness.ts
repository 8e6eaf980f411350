import type { JobTable } from './job-table.js';

/** What the end of a job means for those that wait for it: `blocked` is check mode's "would have to change first". */
export type Effect = 'unlocks' | 'cancels' | 'blocks';

/** What became of a job that waits for nothing any more. `by`: the job at the root of it. */
export type Release =
  | { readonly job: number; readonly state: 'ready' }
  | { readonly job: number; readonly state: 'cancelled' | 'blocked'; readonly by: number };

/** Root of a cancellation that is no job: the run was stopped. */
export const STOPPED = 0x7fffffff;

/** Counts down what each job waits for. */
export interface Readiness {
  /** Jobs that wait for nothing from the start. */
  initial(): readonly Release[];
  /** Each job is settled once; returns the jobs that waited for nothing else. */
  settle(job: number, effect: Effect, by: number): readonly Release[];
}

const NOBODY = -1;

/** Of several roots the first of the graph counts, so that the same failures always give the same reasons. */
export function createReadiness<Ctx>({ jobs, nodes, sameHostNext, sameHostCount }: JobTable<Ctx>): Readiness {
  const open = Int32Array.from(jobs, (job, index) => {
    return (sameHostCount[index] ?? 0) + ((nodes[job.nodeIndex]?.barrierCount ?? 0) > 0 ? 1 : 0);
  });
  const cancelledBy = new Int32Array(jobs.length).fill(NOBODY);
  const blockedBy = new Int32Array(jobs.length).fill(NOBODY);
  const nodeJobsOpen = Int32Array.from(nodes, (node) => node.jobCount);
  const nodeBarriersOpen = Int32Array.from(nodes, (node) => node.barrierCount);
  // Roots that the jobs of a node hand to what waits for all of them, and roots that its barriers have brought it.
  const out = {
    cancelled: new Int32Array(nodes.length).fill(NOBODY),
    blocked: new Int32Array(nodes.length).fill(NOBODY),
  };
  const into = {
    cancelled: new Int32Array(nodes.length).fill(NOBODY),
    blocked: new Int32Array(nodes.length).fill(NOBODY),
  };

  const releaseOne = (job: number, released: Release[]): void => {
    const left = (open[job] ?? 0) - 1;
    open[job] = left;
    if (left === 0) released.push(describe(job));
  };
  const describe = (job: number): Release => {
    const cancelled = cancelledBy[job] ?? NOBODY;
    if (cancelled !== NOBODY) return { job, state: 'cancelled', by: cancelled };
    const blocked = blockedBy[job] ?? NOBODY;
    return blocked === NOBODY ? { job, state: 'ready' } : { job, state: 'blocked', by: blocked };
  };
  const passBarrier = (from: number, to: number, released: Release[]): void => {
    note(into.cancelled, to, out.cancelled[from] ?? NOBODY);
    note(into.blocked, to, out.blocked[from] ?? NOBODY);
    const left = (nodeBarriersOpen[to] ?? 0) - 1;
    nodeBarriersOpen[to] = left;
    const node = nodes[to];
    if (left > 0 || node === undefined) return;
    for (let job = node.firstJob; job < node.firstJob + node.jobCount; job += 1) {
      note(cancelledBy, job, into.cancelled[to] ?? NOBODY);
      note(blockedBy, job, into.blocked[to] ?? NOBODY);
      releaseOne(job, released);
    }
  };

  return {
    initial: () => jobs.filter((job) => open[job.index] === 0).map((job) => ({ job: job.index, state: 'ready' })),
    settle(job, effect, by) {
      const released: Release[] = [];
      const node = jobs[job]?.nodeIndex ?? 0;
      const cancelled = effect === 'cancels' ? by : NOBODY;
      const blocked = effect === 'blocks' ? by : NOBODY;
      for (const next of sameHostNext[job] ?? []) {
        note(cancelledBy, next, cancelled);
        note(blockedBy, next, blocked);
        releaseOne(next, released);
      }
      note(out.cancelled, node, cancelled);
      note(out.blocked, node, blocked);
      const left = (nodeJobsOpen[node] ?? 0) - 1;
      nodeJobsOpen[node] = left;
      if (left === 0) for (const next of nodes[node]?.barrierNext ?? []) passBarrier(node, next, released);
      return released;
    },
  };
}

function note(roots: Int32Array, at: number, root: number): void {
  const known = roots[at] ?? NOBODY;
  if (root !== NOBODY && (known === NOBODY || root < known)) roots[at] = root;
}
