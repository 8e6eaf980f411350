import { describe, expect, test } from 'vitest';
import { output } from '../plan/index.js';
import { defineStep, needed, satisfied, stepFromData } from './define.js';
import { hostTrial } from './host-step.fixture.js';

interface Greet {
  readonly name: string;
  readonly tags?: readonly string[];
}

const greet = defineStep({
  kind: 'test.greet',
  title: (p: Greet) => `Greet ${p.name}`,
  uses: ['voice'],
  writes: (p) => [`greeted-${p.name}`],
  policy: { timeoutMs: 1000, attempts: 2 },
  async precheck({ host }, p) {
    const text = await host.readFile('/greeted');
    return text === p.name ? satisfied('greeted') : needed('not greeted', { text });
  },
  async run(ctx, p, before) {
    await ctx.host.writeFile('/greeted', p.name);
    ctx.write(output(`greeted-${p.name}`), before.text ?? 'nobody');
  },
  async rollback({ host }, _p, before) {
    if (before.text === undefined) await host.remove('/greeted');
    else await host.writeFile('/greeted', before.text);
  },
});

describe('a step made by its factory', () => {
  test('is plain data with behaviour', () => {
    expect(greet({ name: 'ada' })).toMatchObject({
      kind: 'test.greet',
      title: 'Greet ada',
      params: { name: 'ada' },
      uses: ['voice'],
      writes: ['greeted-ada'],
      policy: { timeoutMs: 1000, attempts: 2 },
    });
  });

  test('has params of its own that nobody can change', () => {
    const tags = ['a'];
    const step = greet({ name: 'ada', tags });
    tags.push('b');
    expect(step.params).toEqual({ name: 'ada', tags: ['a'] });
    expect(() => Object.assign(step.params as object, { name: 'eve' })).toThrow(TypeError);
    expect(Object.isFrozen(step)).toBe(true);
  });

  test('takes overrides of title, limits and, field by field, policy', () => {
    const step = greet({ name: 'ada' }, { title: 'Hello', uses: [], policy: { attempts: 5 } });
    expect(step.title).toBe('Hello');
    expect(step).not.toHaveProperty('uses');
    expect(step.policy).toEqual({ timeoutMs: 1000, attempts: 5 });
  });

  test('hands what precheck saw to run and rollback', async () => {
    const trial = hostTrial({ files: { '/greeted': 'bob' } });
    const { first, again } = await trial.play(greet({ name: 'ada' }));
    expect(first).toEqual({ state: 'needed', because: 'not greeted', before: { text: 'bob' } });
    expect(again).toEqual({ state: 'satisfied', because: 'greeted' });
    expect(trial.outputs.get('greeted-ada')).toBe('bob');

    const undone = hostTrial({ files: { '/greeted': 'bob' } });
    await undone.playAndUndo(greet({ name: 'ada' }));
    expect(undone.host.files.get('/greeted')?.content).toBe('bob');
  });

  test('refuses params that are no plain data', () => {
    const sneaky = { name: 'ada', tags: [new Date()] } as unknown as Greet;
    expect(() => greet(sneaky)).toThrow('must be plain data, not Date');
    expect(() => greet({ name: Number.NaN } as unknown as Greet)).toThrow('plain data');
  });
});

test('two definitions of one kind throw', () => {
  expect(() => defineStep({ ...greetLike, kind: 'test.greet' })).toThrow("two steps are defined as 'test.greet'");
});

test('a definition says by its params whether asking again tells anything', () => {
  const ask = defineStep({ ...greetLike, kind: 'test.ask', recheck: (p: Greet) => p.name === 'ada' });
  expect(ask({ name: 'ada' }).recheck).toBe(true);
  expect(ask({ name: 'bob' }).recheck).toBe(false);
  expect(greet({ name: 'bob' })).not.toHaveProperty('recheck');
});

describe('a saved plan', () => {
  test('turns back into the same steps', async () => {
    const step = greet({ name: 'ada' }, { title: 'Hello', policy: { attempts: 9 } });
    const again = stepFromData(JSON.parse(JSON.stringify(step)));
    expect(JSON.stringify(again)).toBe(JSON.stringify(step));
    const trial = hostTrial();
    expect((await trial.play(again)).again).toMatchObject({ state: 'satisfied' });
    expect(again).toHaveProperty('rollback');
  });

  test('with a kind that nobody defines is an error with a way on', () => {
    expect(() => stepFromData({ kind: 'test.gone', title: '', params: {} })).toThrow(
      expect.objectContaining({ code: 'GRAPH_INVALID', hint: expect.stringContaining('plan again') }),
    );
  });
});

const greetLike = {
  title: (p: Greet) => p.name,
  precheck: async () => needed('always'),
  run: async () => undefined,
};
