import { describe, expect, it } from 'vitest';
import { draft, type ExecutionGraph, output, type Step, sameHost, seal } from '../plan/index.js';
import { type EngineEvent, type JobTools, summarise } from './index.js';
import { needed, satisfied, seededRandom, shuffled, startGraph } from './toy-run.js';

const HOSTS = ['m1', 'm2', 'w1', 'w2'];
const MASTERS = ['m1', 'm2'];

/** Hosts as maps, which outlive the engine; they note what must not happen twice. */
interface World {
  readonly files: Map<string, Map<string, string>>;
  readonly members: string[];
  readonly violations: string[];
}

/** One life of the engine: after `kill` nothing that it has started reaches the world any more. */
interface Life {
  dead: boolean;
  operations: number;
  killAtOperation?: number;
  onDeath(): void;
}

function createWorld(): World {
  return { files: new Map(['control-node', ...HOSTS].map((host) => [host, new Map()])), members: [], violations: [] };
}

function die(life: Life): void {
  life.dead = true;
  life.onDeath();
}

/** A toy cluster: shared CA, uploads in two halves, an init that can be left half done, members that must not be added twice. */
function planCluster(world: World, life: Life): ExecutionGraph<JobTools> {
  const operate = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (life.dead) return new Promise(() => {});
    const value = work();
    life.operations += 1;
    if (life.operations !== life.killAtOperation) return value;
    // The work is done; the answer never arrives.
    die(life);
    return new Promise(() => {});
  };
  const filesOf = (host: string) => world.files.get(host) ?? new Map<string, string>();
  const get = (host: string, path: string) => operate(() => filesOf(host).get(path));
  const put = (host: string, path: string, value: string) => operate(() => void filesOf(host).set(path, value));

  const step = (
    kind: string,
    parts: Pick<Step<JobTools>, 'precheck' | 'run'> & Partial<Step<JobTools>>,
  ): Step<JobTools> => ({ kind, title: kind, params: {}, ...parts });
  const file = (path: string, value: string, more: Partial<Step<JobTools>> = {}) =>
    step('file', {
      precheck: async ({ host }) => ((await get(host, path)) === value ? satisfied : needed),
      async run({ host }) {
        await put(host, `${path}.part`, value);
        await operate(() => {
          filesOf(host).set(path, value);
          filesOf(host).delete(`${path}.part`);
        });
      },
      ...more,
    });

  const token = output<string>('join-token');
  const initialise = step('init', {
    writes: ['join-token'],
    async precheck(ctx) {
      const state = await get(ctx.host, 'cluster');
      if (state !== 'ready') return { ...needed, before: state };
      ctx.write(token, (await get(ctx.host, 'token')) ?? '');
      return satisfied;
    },
    async run(ctx, before) {
      if (before === 'half') await operate(() => filesOf(ctx.host).delete('cluster'));
      await operate(() => {
        if (filesOf(ctx.host).get('cluster') !== undefined) world.violations.push('init over an existing cluster');
        filesOf(ctx.host).set('cluster', 'half');
      });
      await put(ctx.host, 'token', 'abc');
      await put(ctx.host, 'cluster', 'ready');
      ctx.write(token, 'abc');
    },
  });
  const addMember = step('member', {
    uses: ['membership'],
    precheck: async ({ host }) => ((await operate(() => world.members.includes(host))) ? satisfied : needed),
    async run({ host }) {
      await operate(() => {
        if (world.members.includes(host)) world.violations.push(`${host} is a member twice`);
        world.members.push(host);
      });
    },
  });
  const join = step('join', {
    uses: ['join'],
    params: { token },
    precheck: async ({ host }) => ((await get(host, 'joined')) === 'abc' ? satisfied : needed),
    async run(ctx) {
      await operate(() => {
        if (filesOf(ctx.host).has('joined')) world.violations.push(`${ctx.host} joined twice`);
        filesOf(ctx.host).set('joined', ctx.read(token));
      });
    },
  });

  const g = draft<JobTools>('cluster');
  const ca = g.shared('/pki/ca', ['control-node'], file('ca', 'the CA'));
  const upload = g.add('upload', HOSTS, file('binary', 'v1', { uses: ['upload'] }), { after: ca });
  const unit = g.add('unit', HOSTS, file('unit', 'starts it'), { after: sameHost(upload) });
  const members = g.add('members', MASTERS, addMember, { after: sameHost(unit) });
  const init = g.add('init', ['m1'], initialise, { after: members });
  const joined = g.add('join', ['m2', 'w1', 'w2'], join, { after: [init, sameHost(unit)] });
  g.add('labels', HOSTS, file('label', 'set'), { after: joined });
  return seal('cluster', g.done(), { hosts: HOSTS });
}

const limits = { perHost: 2, named: { upload: 2, membership: 1, join: 1 } };

/** Runs until the end or the kill; returns the events that were written before it. */
async function live(
  world: World,
  seed: number,
  kill: { readonly atEvent?: number; readonly atOperation?: number } = {},
) {
  const random = seededRandom(seed);
  const events: EngineEvent[] = [];
  let killed = (): void => {};
  const death = new Promise<'killed'>((resolve) => {
    killed = () => resolve('killed');
  });
  const life: Life = { dead: false, operations: 0, onDeath: killed };
  if (kill.atOperation !== undefined) life.killAtOperation = kill.atOperation;
  const { result } = startGraph(planCluster(world, life), {
    limits,
    order: (ready) => shuffled(ready, random),
    emit(event) {
      if (life.dead) return;
      events.push(event);
      if (events.length === kill.atEvent) die(life);
    },
  });
  return { events, end: await Promise.race([result, death]), operations: life.operations };
}

function stateOf(world: World): string {
  const files = [...world.files].map(([host, own]) => [host, [...own].sort(([a], [b]) => a.localeCompare(b))]);
  return JSON.stringify([files, [...world.members].sort()]);
}

describe('a run that was killed', () => {
  const seed = Math.floor(Math.random() * 1e9);

  it(`is completed by the next one from every point of the journal, with nothing done twice (seed ${seed})`, async () => {
    const whole = createWorld();
    const { events, end } = await live(whole, seed);
    expect(end).toMatchObject({ state: 'done', totals: { changed: 19 } });
    for (let point = 1; point <= events.length; point += 1) {
      const world = createWorld();
      const first = await live(world, seed + point, { atEvent: point });
      const { inFlight } = summarise(first.events);
      const acting = first.events.flatMap((event) =>
        event.type === 'job-acting' ? [`${event.node}@${event.host}`] : [],
      );
      const ended = first.events.flatMap((event) =>
        event.type === 'job-finished' ? [`${event.node}@${event.host}`] : [],
      );
      expect(inFlight.map(({ node, host }) => `${node}@${host}`)).toEqual(acting.filter((job) => !ended.includes(job)));
      await expectCompleted(world, whole, seed, `event ${point}`);
    }
  });

  it(`is completed by the next one from every operation on a host (seed ${seed})`, async () => {
    const whole = createWorld();
    const { operations } = await live(whole, seed);
    expect(operations).toBeGreaterThan(50);
    for (let point = 1; point <= operations; point += 1) {
      const world = createWorld();
      await live(world, seed + point, { atOperation: point });
      await expectCompleted(world, whole, seed, `operation ${point}`);
    }
  });

  it(`is completed although the next ones are killed as well (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const whole = createWorld();
    await live(whole, seed);
    for (let round = 0; round < 30; round += 1) {
      const world = createWorld();
      for (let kill = 0; kill < 4; kill += 1)
        await live(world, seed + round, { atOperation: 1 + Math.floor(random() * 40) });
      await expectCompleted(world, whole, seed, `round ${round}`);
    }
  });
});

async function expectCompleted(world: World, whole: World, seed: number, where: string): Promise<void> {
  expect([where, (await live(world, seed)).end]).toMatchObject([where, { state: 'done' }]);
  expect([where, stateOf(world), world.violations]).toEqual([where, stateOf(whole), []]);
  expect([where, (await live(world, seed)).end]).toMatchObject([
    where,
    { state: 'done', totals: { changed: 0, satisfied: 19 } },
  ]);
}
