import { describe, expect, it } from 'vitest';
import { draft, empty, milestone, type Ref, sameHost, seal } from './index.js';
import { jobOrder, toyStep } from './toy-steps.js';

const HOSTS = ['a', 'b', 'c'];

describe('a draft', () => {
  it('names nodes below itself and orders them by Refs', () => {
    const g = draft<unknown>('install-etcd');
    const upload = g.add('upload', HOSTS, toyStep('file.upload'));
    g.addEach('start', HOSTS, (host) => toyStep('start', { host }), { after: sameHost(upload) });
    g.add('check', ['a'], toyStep('check'), { after: upload });
    const { nodes } = g.done();
    expect([...nodes.keys()]).toEqual(['install-etcd/upload', 'install-etcd/start', 'install-etcd/check']);
    expect(nodes.get('install-etcd/start')?.after).toEqual([{ node: 'install-etcd/upload', kind: 'sameHost' }]);
    expect(nodes.get('install-etcd/start')?.jobs.map((job) => job.step.params)).toEqual(
      HOSTS.map((host) => ({ host })),
    );
    expect(nodes.get('install-etcd/check')?.after).toEqual([{ node: 'install-etcd/upload', kind: 'barrier' }]);
  });

  it.each<[string, (g: ReturnType<typeof draft<unknown>>, after: Ref) => Ref]>([
    ['work without hosts', (g, after) => g.add('nothing', [], toyStep(), { after })],
    ['work for each of no hosts', (g, after) => g.addEach('nothing', [], () => toyStep(), { after })],
    ['an empty include', (g, after) => g.include(empty(), { after })],
    ['an include of shared work only', (g, after) => g.include(sharedOnly(), { after })],
  ])('loses no ordering through %s', (_, middle) => {
    const g = draft<unknown>('d');
    const first = g.add('first', ['a'], toyStep());
    g.add('last', ['b'], toyStep(), { after: middle(g, first) });
    expect(jobOrder(g.done())).toContain('d/first@a < d/last@b');
  });

  it('keeps the lanes of hosts through work without hosts', () => {
    const g = draft<unknown>('d');
    const first = g.add('first', HOSTS, toyStep());
    const nothing = g.add('nothing', [], toyStep(), { after: sameHost(first) });
    g.add('last', HOSTS, toyStep(), { after: sameHost(nothing) });
    const { nodes } = g.done();
    expect(nodes.get('d/last')?.after).toEqual([{ node: 'd/first', kind: 'sameHost', where: 'present' }]);
  });

  it('lets the entries of an include wait, and its exits be waited for', () => {
    const inner = draft<unknown>('inner');
    const one = inner.add('one', ['a'], toyStep());
    inner.add('two', ['a'], toyStep(), { after: one });
    const g = draft<unknown>('outer');
    const before = g.add('before', ['b'], toyStep());
    const included = g.include(inner.done(), { after: before });
    g.add('behind', ['c'], toyStep(), { after: included });
    const { nodes } = g.done();
    expect([...nodes.keys()]).toEqual(['outer/before', 'outer/inner/one', 'outer/inner/two', 'outer/behind']);
    expect(nodes.get('outer/inner/one')?.after).toEqual([{ node: 'outer/before', kind: 'barrier' }]);
    expect(nodes.get('outer/inner/two')?.after).toEqual([{ node: 'outer/inner/one', kind: 'barrier' }]);
    expect(nodes.get('outer/behind')?.after).toEqual([{ node: 'outer/inner/two', kind: 'barrier' }]);
  });

  it('waits for all hosts of an include, also those whose last work is not its last node', () => {
    const inner = draft<unknown>('inner');
    const install = inner.add('install', HOSTS, toyStep());
    inner.add('init', ['a'], toyStep(), { after: sameHost(install) });
    const g = draft<unknown>('outer');
    g.add('behind', ['a'], toyStep(), { after: g.include(inner.done()) });
    expect(jobOrder(g.done())).toContain('outer/inner/install@c < outer/behind@a');
  });

  it('makes one node of shared work that several plan', () => {
    const make = (name: string) => {
      const g = draft<unknown>(name);
      const dir = g.shared('/dir', ['a'], toyStep('dir'));
      const ca = g.shared('/ca', ['a'], toyStep('ca', { name }), name === 'x' ? {} : { after: dir });
      g.add('use', ['b'], toyStep(), { after: ca });
      return g.done();
    };
    const g = draft<unknown>('both');
    g.include(make('x'));
    expect(() => g.include(make('y'))).toThrow('/ca is planned twice with different work');
    g.include(make('x'));
    const { nodes } = g.done();
    expect([...nodes.keys()]).toEqual(['/dir', '/ca', 'both/x/use']);
  });

  it('provides milestones, also through work without hosts', () => {
    const [first, second] = [milestone('first'), milestone('second')];
    const g = draft<unknown>('d');
    g.provide(first, g.add('one', ['a'], toyStep()));
    g.provide(second, g.add('nothing', [], toyStep(), { after: first }));
    g.add('two', ['b'], toyStep(), { after: second });
    const graph = seal('d', g.done(), { hosts: HOSTS });
    expect(graph.nodes.at(-1)).toMatchObject({ id: 'd/two', after: [{ node: 'd/one', kind: 'barrier' }] });
  });

  it('keeps the stricter of two edges on the same host, whichever comes first', () => {
    const g = draft<unknown>('d');
    const one = g.add('one', ['a'], toyStep());
    const [strict, lenient] = [sameHost(one), sameHost(one, { where: 'present' })];
    g.add('two', HOSTS, toyStep(), { after: [strict, lenient] });
    g.add('three', HOSTS, toyStep(), { after: [lenient, strict] });
    const { nodes } = g.done();
    for (const id of ['d/two', 'd/three']) expect(nodes.get(id)?.after).toEqual([{ node: 'd/one', kind: 'sameHost' }]);
  });

  it('takes nested lists as after', () => {
    const g = draft<unknown>('d');
    const [one, two, three] = HOSTS.map((host) => g.add(`on-${host}`, HOSTS, toyStep('toy', host)));
    if (one === undefined || two === undefined || three === undefined) throw new Error('three refs');
    g.add('last', HOSTS, toyStep(), { after: [one, [sameHost([two, [three]])]] });
    expect(g.done().nodes.get('d/last')?.after).toEqual([
      { node: 'd/on-a', kind: 'barrier' },
      { node: 'd/on-b', kind: 'sameHost' },
      { node: 'd/on-c', kind: 'sameHost' },
    ]);
  });

  it.each<[string, () => unknown]>([
    [
      "the Ref 'x' is not one of the draft e",
      () => draft<unknown>('e').add('y', ['a'], toyStep(), { after: draft<unknown>('d').add('x', ['a'], toyStep()) }),
    ],
    [
      'd has two parts with the name x',
      () => {
        const g = draft<unknown>('d');
        g.add('x', ['a'], toyStep());
        g.add('x', ['b'], toyStep());
      },
    ],
    ['d/x mixes kinds of steps: a, b', () => draft<unknown>('d').addEach('x', ['a', 'b'], (host) => toyStep(host))],
    [
      'the draft d is done and takes no more work',
      () => {
        const g = draft<unknown>('d');
        g.done();
        g.add('x', ['a'], toyStep());
      },
    ],
    [
      'the draft d is done already',
      () => {
        const g = draft<unknown>('d');
        g.done();
        g.done();
      },
    ],
    ['the shared id ca does not begin with a slash', () => draft<unknown>('d').shared('ca', ['a'], toyStep())],
    [
      '/ca is shared and may wait for shared work only',
      () => {
        const g = draft<unknown>('d');
        g.shared('/ca', ['a'], toyStep(), { after: g.add('x', ['a'], toyStep()) });
      },
    ],
    [
      "'/x' cannot be a name in a plan: no spaces, and no slash at its ends",
      () => draft<unknown>('d').add('/x', ['a'], toyStep()),
    ],
    ["'two words' cannot be a name in a plan: no spaces, and no slash at its ends", () => draft<unknown>('two words')],
  ])('refuses: %s', (message, work) => {
    expect(work).toThrow(message);
  });
});

function sharedOnly() {
  const g = draft<unknown>('s');
  g.shared('/ca', ['c'], toyStep('ca'));
  return g.done();
}
