import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { oneLineEach, storedObjects } from './stored.js';

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
const etcd = {
  endpoints: ['https://10.0.0.11:2379'],
  caFile: '/ca',
  certFile: '/cert',
  keyFile: '/key',
  prefix: '/registry',
};

/** What etcd's gateway answers, through the tools that the hosts have. */
function answered(values: readonly (readonly [key: string, value: string])[]): string {
  const kvs = values.map(([key, value]) => ({
    key: base64(key),
    create_revision: '5',
    mod_revision: '6',
    version: '1',
    value: base64(value),
  }));
  const json = JSON.stringify({ header: { cluster_id: '1', revision: '9' }, kvs, more: true, count: '7' });
  return execFileSync('sh', ['-c', `tr '{' '\n' | sed -n -E "$1"`, 'sh', oneLineEach], {
    input: json,
    encoding: 'utf8',
  });
}

test('of an encrypted object the provider and the key are told, of any other nothing but its name', async () => {
  const stdout = answered([
    ['/registry/secrets/a/one', `k8s:enc:secretbox:v1:key-20260101000002:\u0001\u0002cipher`],
    ['/registry/secrets/a/two', `k8s\u0000\n\u000c\n\u0002v1\u0012\u0006Secret treasure`],
    ['/registry/secrets/b/three', `k8s:enc:kms:v2:plugin:${'y'.repeat(500)}`],
    ['/registry/secrets/b/four', '{"kind":"Custom"}'],
  ]);
  expect(stdout.split('\n')[2]).toBe(`@clear ${base64('/registry/secrets/a/two')}`);
  expect(stdout.length).toBeLessThan(600);
  const { ctx } = hostTrial({ commands: [[/v3\/kv\/range/, stdout]] });
  expect(await storedObjects(ctx, etcd, 'secrets')).toEqual([
    { name: 'a/one', writtenWith: 'k8s:enc:secretbox:v1:key-20260101000002:' },
    { name: 'a/two', writtenWith: '' },
    { name: 'b/three', writtenWith: 'k8s:enc:kms:v2:plugin:' },
    { name: 'b/four', writtenWith: '' },
  ]);
});

test('custom resources lie below their group; an answer without objects is none, and no answer is an error', async () => {
  const asked: string[] = [];
  const empty = hostTrial({
    commands: [
      [
        /v3\/kv\/range/,
        ({ stdin }) => {
          asked.push(Buffer.from((JSON.parse(stdin) as { key: string }).key, 'base64').toString());
          return answered([]);
        },
      ],
    ],
  });
  expect(await storedObjects(empty.ctx, { ...etcd, prefix: '/other' }, 'vaults.example.org')).toEqual([]);
  expect(asked).toEqual(['/other/example.org/vaults/']);
  const silent = hostTrial({ commands: [[/v3\/kv\/range/, '']] });
  await expect(storedObjects(silent.ctx, etcd, 'secrets')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});
