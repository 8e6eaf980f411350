import { expect, test } from 'vitest';
import { KubexmError } from '../../errors/index.js';
import { checkSkew, type RunningVersions, upgradePath } from './version-path.js';

const all = (version: string): RunningVersions => ({ controlPlanes: [version, version], kubelets: [version, version] });
const via = ['v1.34.4', 'v1.35.2'];

const paths: readonly (readonly [string, RunningVersions, string, readonly string[]])[] = [
  ['the same version', all('v1.34.4'), 'v1.34.4', ['v1.34.4']],
  ['a patch', all('v1.34.4'), 'v1.34.5', ['v1.34.5']],
  ['a minor', all('v1.33.13'), 'v1.34.4', ['v1.34.4']],
  ['two minors', all('v1.33.13'), 'v1.35.4', ['v1.34.4', 'v1.35.4']],
  ['three minors', all('v1.33.13'), 'v1.36.0', ['v1.34.4', 'v1.35.2', 'v1.36.0']],
  ['over a minor that is known', all('v1.29.1'), 'v1.31.3', ['v1.30.14', 'v1.31.3']],
  [
    'a control plane half-way to the first stop, which the cluster itself names',
    { controlPlanes: ['v1.34.3', 'v1.33.13'], kubelets: ['v1.33.13'] },
    'v1.35.4',
    ['v1.34.3', 'v1.35.4'],
  ],
  [
    'kubelets half-way to the first stop',
    { controlPlanes: ['v1.34.4', 'v1.34.4'], kubelets: ['v1.34.4', 'v1.33.13'] },
    'v1.35.4',
    ['v1.34.4', 'v1.35.4'],
  ],
  [
    'a patch half-way, and another wanted now',
    { controlPlanes: ['v1.34.4', 'v1.34.3'], kubelets: ['v1.34.3'] },
    'v1.34.5',
    ['v1.34.5'],
  ],
  [
    'kubelets that are left',
    { controlPlanes: ['v1.35.4', 'v1.35.4'], kubelets: ['v1.35.4', 'v1.34.4'] },
    'v1.35.4',
    ['v1.35.4'],
  ],
  [
    'the oldest kubelets that are allowed',
    { controlPlanes: ['v1.34.4'], kubelets: ['v1.31.14'] },
    'v1.35.4',
    ['v1.34.4', 'v1.35.4'],
  ],
];

test.each(paths)('%s', (_name, running, to, path) => {
  expect(upgradePath({ running, to, via })).toEqual(path);
});

const refusals: readonly (readonly [RunningVersions, string, RegExp, RegExp])[] = [
  [all('v1.34.4'), 'v1.34.3', /downgrade/, /--to v1\.34\.4/],
  [all('v1.34.4'), 'v1.33.13', /downgrade/, /etcd restore/],
  // What is new already does not go back.
  [{ controlPlanes: ['v1.34.4', 'v1.33.13'], kubelets: ['v1.33.13'] }, 'v1.33.13', /runs v1\.34\.4/, /--to v1\.34\.4/],
  [{ controlPlanes: ['v1.34.4', 'v1.32.1'], kubelets: ['v1.32.1'] }, 'v1.35.4', /one minor apart/, /v1\.34\.4/],
  [{ controlPlanes: ['v1.33.13'], kubelets: ['v1.34.4'] }, 'v1.34.4', /no kubelet may be newer/, /node list/],
  [{ controlPlanes: ['v1.34.4'], kubelets: ['v1.30.14'] }, 'v1.35.4', /at most 3 minors/, /by hand/],
];

test.each(refusals)('%j to %s is refused', (running, to, message, hint) => {
  const refused = caught(() => upgradePath({ running, to, via }));
  expect(refused.code).toBe('GUARD_REFUSED');
  expect(refused.message).toMatch(message);
  expect(refused.hint).toMatch(hint);
});

test('a stop that nobody knows is asked for by name', () => {
  const refused = caught(() => upgradePath({ running: all('v1.36.3'), to: 'v1.38.0' }));
  expect(refused.code).toBe('USAGE');
  expect(refused.hint).toContain('--via v1.37.N');
  expect(upgradePath({ running: all('v1.33.13'), to: 'v1.35.2' })).toEqual(['v1.34.4', 'v1.35.2']);
});

test('a kubelet that is newer than the oldest apiserver and not than the newest is one of an upgrade under way', () => {
  expect(() => checkSkew({ controlPlanes: ['v1.34.4', 'v1.33.13'], kubelets: ['v1.34.4', 'v1.33.13'] })).not.toThrow();
});

function caught(work: () => void): KubexmError {
  try {
    work();
  } catch (error) {
    if (error instanceof KubexmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
