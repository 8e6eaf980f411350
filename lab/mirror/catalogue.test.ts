import { expect, test } from 'vitest';
import { components, defaultVersions, onDemand, requested } from './catalogue.js';

test('every mirror has one version of each component, and others only for those who ask', () => {
  expect(components.map(({ name, version }) => [name, version])).toEqual(
    expect.arrayContaining(Object.entries(defaultVersions)),
  );
  expect(components).toHaveLength(Object.keys(defaultVersions).length);
  const all = [...components, ...onDemand].map(({ name, version }) => `${name} ${version}`);
  expect(new Set(all).size).toBe(all.length);
});

test('a version comes with what clusters of it ask for', () => {
  const rows = requested({ component: 'kubernetes', version: 'v1.35.4' });
  expect(rows.map(({ name, version }) => `${name} ${version}`)).toEqual(['coredns v1.13.1', 'kubernetes v1.35.4']);
});

test('what every mirror has needs no work', () => {
  expect(requested({ component: 'etcd', version: defaultVersions.etcd })).toEqual([]);
});

test('a version that is not to be had is named, with those that are', () => {
  expect(() => requested({ component: 'etcd', version: 'v3.5.99' })).toThrow('cannot offer etcd v3.5.99');
  try {
    requested({ component: 'etcd', version: 'v3.5.99' });
  } catch (error) {
    expect(error).toMatchObject({ details: ['of etcd it has v3.6.14 v3.5.35 v3.6.0'] });
  }
});

test('a stand-in says of whose sources it is made', () => {
  const standIn = onDemand.find(({ version }) => version === 'v1.34.5');
  expect(standIn).toMatchObject({ name: 'kubernetes', sourcesOf: defaultVersions.kubernetes });
  expect(standIn?.takes).toContain(defaultVersions.kubernetes);
});
