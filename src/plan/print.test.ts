import { expect, it } from 'vitest';
import { draft, foldHosts, graphToDot, graphToMermaid, graphToText, sameHost, scoped, seal } from './index.js';
import { toyStep } from './toy-steps.js';

const hosts = ['m1', 'w1', 'w2', 'w3', 'w4', 'w5'];

function plan() {
  const g = draft<unknown>('install');
  const ca = g.shared('/pki/ca', ['control-node'], toyStep('ca', {}, { title: 'Make the CA' }));
  const upload = g.add('upload', hosts, toyStep('upload', {}, { title: 'Upload "it"' }), { after: ca });
  g.addEach('start', hosts, (host) => toyStep('start', {}, { title: `Start ${host}` }), { after: sameHost(upload) });
  return seal('create', scoped('create', g.done()), { hosts });
}

it('prints a plan as a tree with hosts folded', () => {
  expect(graphToText(plan()).replaceAll(/ {4,}(?=\S)/g, ' .. ')).toBe(
    [
      'shared',
      '  /pki/ca .. Make the CA  [control-node]',
      'create',
      '  install',
      ' .. upload .. Upload "it"  [m1, w[1:5]]',
      ' .. start .. Start m1  [m1]',
      ' .. Start w1  [w1]',
      ' .. Start w2  [w2]',
      ' .. and 3 more of its kind  [w[3:5]]',
      '',
    ].join('\n'),
  );
});

it('draws a plan in DOT and Mermaid', () => {
  expect(graphToDot(plan())).toContain('"create/install/upload" -> "create/install/start" [style=dashed];');
  expect(graphToDot(plan())).toContain('"/pki/ca" -> "create/install/upload";');
  expect(graphToMermaid(plan())).toContain('n0 --> n1\n  n1 -.-> n2\n');
});

it.each([
  [['w1', 'w2'], 'w1, w2'],
  [['w1', 'w2', 'w3', 'w5', 'm1'], 'w[1:3], w5, m1'],
  [['w9', 'w10', 'w11'], 'w[9:11]'],
  [['w008', 'w009', 'w010', 'w011'], 'w008, w009, w010, w011'],
  [['lb', '10.0.0.1', '10.0.0.2', '10.0.0.3'], 'lb, 10.0.0.[1:3]'],
  [[], ''],
])('folds %j into %s', (names, folded) => {
  expect(foldHosts(names)).toBe(folded);
});
