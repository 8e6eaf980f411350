import { describe, expect, it } from 'vitest';
import { compactNames, linkOf, maxHosts, planHosts, plannedHost } from './address-plan.js';

describe('addresses of lab hosts', () => {
  it('names hosts node1, node2, ... from .11 on', () => {
    expect(planHosts(2)).toEqual([
      { name: 'node1', address: '10.99.0.11' },
      { name: 'node2', address: '10.99.0.12' },
    ]);
  });

  it.each([0, -1, 1.5, Number.NaN, maxHosts + 1])('refuses a lab of %s hosts', (count) => {
    expect(() => planHosts(count)).toThrow(`a lab has 1 to ${maxHosts} hosts`);
  });

  it('gives a host the same address whatever the size of the lab', () => {
    expect(plannedHost('node5')).toEqual(planHosts(9)[4]);
    expect(() => plannedHost('web1')).toThrow('no host named web1');
  });

  it('keeps link names within the 15 characters that Linux allows', () => {
    for (const { name } of planHosts(maxHosts)) expect(linkOf(name).length).toBeLessThanOrEqual(15);
  });
});

describe('compactNames', () => {
  it.each([
    [[], []],
    [['node1'], ['node1']],
    [['node2', 'node3', 'node4'], ['node[2:4]']],
    [
      ['node1', 'node3', 'node4', 'web', 'db9', 'db10'],
      ['node1', 'node[3:4]', 'web', 'db[9:10]'],
    ],
  ])('writes %j as %j', (names, short) => {
    expect(compactNames(names)).toEqual(short);
  });
});
