import { expect, test } from 'vitest';
import { documentDifferences, flagDifferences, manifestDifferences } from './manifest-differences.js';

const pod = (command: readonly string[], more: object = {}, spec: object = {}) =>
  JSON.stringify({ kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [{ command, ...more }], ...spec } });

test.each<[string, string, string, readonly string[]]>([
  ['the same', pod(['a', '--b=1']), pod(['a', '--b=1']), []],
  ['only what the kubelet does not see', pod(['a']), pod(['a'], { env: [], securityContext: {}, image: null }), []],
  ['a value', pod(['a', '--b=1']), pod(['a', '--b=2']), ['--b differs']],
  ['values with an equals sign', pod(['a', '--b=x=1']), pod(['a', '--b=x=2']), ['--b differs']],
  ['a flag more', pod(['a']), pod(['a', '--b=1']), ['--b is new']],
  ['a flag less', pod(['a', '--b=1']), pod(['a']), ['--b is too much']],
  ['a flag given twice', pod(['a', '--b=1']), pod(['a', '--b=1', '--b=2']), ['--b differs']],
  ['an image', pod(['a'], { image: 'a:1' }), pod(['a'], { image: 'a:2' }), ['image differs']],
  ['the pod', pod(['a'], {}, { hostNetwork: true }), pod(['a']), ['spec.hostNetwork is too much']],
  ['the order alone', pod(['a', '--b=1', '--c=1']), pod(['a', '--c=1', '--b=1']), ['spec.containers differs']],
  ['what is no manifest', '{ broken', pod(['a']), ['a is new', 'kind is new', 'metadata is new']],
])('manifests: %s', async (_, live, wanted, differences) => {
  expect(await manifestDifferences(live, wanted)).toEqual(differences);
});

test('documents differ by their upper keys', async () => {
  expect(await documentDifferences('a: 1\nb: {c: 2}\n', 'a: 1\nb: {c: 3}\nd: 4\n')).toEqual(['b differs', 'd is new']);
});

test('command lines differ by their flags', () => {
  expect(flagDifferences(['--a=1', '--b'], ['--a=1', '--b=x'])).toEqual(['--b differs']);
});
