import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { temporaryDirectory } from '../local-step.fixture.js';
import { writeKeys } from './key-file.js';
import { configText } from './providers.js';
import { rewriteObjects } from './rewrite.js';

const prefix = 'k8s:enc:secretbox:v1:key-20260101000002:';
const old = 'k8s:enc:secretbox:v1:key-20260101000001:';
const base64 = (text: string) => Buffer.from(text).toString('base64');

let keyFile = '';
beforeEach(async () => {
  keyFile = join(await temporaryDirectory(), 'encryption-keys.json');
  await writeKeys(keyFile, [{ name: 'key-20260101000002', type: 'secretbox', secret: base64('x'.repeat(32)) }]);
});

const step = (resources: readonly string[] = ['secrets']) =>
  rewriteObjects({
    keyFile,
    resources,
    etcd: {
      endpoints: ['https://10.0.0.11:2379', 'https://10.0.0.12:2379'],
      caFile: '/ca',
      certFile: '/cert',
      keyFile: '/key',
      prefix: '/registry',
    },
  });

/** An API and its etcd: objects by key, with the beginning of their value. The tools' own pipe has run already. */
function cluster({
  objects,
  replace = () => prefix,
  down = [],
}: {
  readonly objects: Map<string, string>;
  /** What an object begins with after it was written anew. */
  readonly replace?: (name: string) => string;
  readonly down?: readonly string[];
}) {
  return hostTrial({
    commands: [
      [
        /create --raw=\/v3\/kv\/range/,
        ({ text, stdin }) => {
          if (down.some((endpoint) => text.includes(endpoint))) return { exitCode: 0, stdout: '', stderr: 'refused' };
          const asked = JSON.parse(stdin) as { key: string; range_end: string; limit: number };
          const [from, end] = [asked.key, asked.range_end].map((each) => Buffer.from(each, 'base64').toString());
          const found = [...objects]
            .filter(([key]) => key >= (from ?? '') && key < (end ?? ''))
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .slice(0, asked.limit);
          const lines = found.map(([key, begin]) =>
            begin === '' ? `@clear ${base64(key)}` : `@encrypted ${base64(key)} ${base64(`${begin}....`).slice(0, 80)}`,
          );
          return `${['@header', ...lines].join('\n')}\n`;
        },
      ],
      [
        /kubectl .* get secrets .* \| .* replace /,
        ({ text }) => {
          const [, namespace = ''] = / --namespace (\S+) /.exec(text) ?? [];
          const names = (/ -o json (.*?) \| /.exec(text)?.[1] ?? '').split(' ');
          for (const name of names) {
            const key = `/registry/secrets/${namespace}/${name}`;
            if (objects.has(key)) objects.set(key, replace(name));
          }
          return '';
        },
      ],
    ],
  });
}

test('all that is not written with the newest key is written anew, namespace by namespace, and etcd is the proof', async () => {
  const objects = new Map([
    ['/registry/secrets/a/one', ''],
    ['/registry/secrets/a/two', old],
    ['/registry/secrets/b/three', prefix],
    ['/registry/secretsx/c/four', ''],
  ]);
  const trial = cluster({ objects });
  const { first, again } = await trial.play(step());
  expect([first, again]).toEqual([
    expect.objectContaining({ because: '2 of 3 objects are not written as wanted: secrets a/one, secrets a/two' }),
    { state: 'satisfied', because: 'all 3 objects are written with secretbox key-20260101000002' },
  ]);
  expect(objects.get('/registry/secretsx/c/four')).toBe('');
});

test('more than fit into one answer are all seen', async () => {
  const objects = new Map(
    Array.from({ length: 1201 }, (_, i) => [`/registry/secrets/a/s-${String(i).padStart(5, '0')}`, old]),
  );
  const trial = cluster({ objects });
  const { first, again } = await trial.play(step());
  expect(first.because).toMatch(/^1201 of 1201 objects/);
  expect(again?.state).toBe('satisfied');
  expect(Math.max(...trial.progress)).toBe(1201);
});

test('what is deleted meanwhile is not waited for; what cannot be written is named, with nothing lost', async () => {
  const objects = new Map([
    ['/registry/secrets/a/gone', old],
    ['/registry/secrets/a/stuck', old],
  ]);
  const trial = cluster({
    objects,
    replace: (name) => {
      if (name === 'gone') objects.delete('/registry/secrets/a/gone');
      return name === 'gone' ? '' : old;
    },
  });
  objects.delete('/registry/secrets/a/gone');
  await expect(trial.play(step())).rejects.toMatchObject({
    message: expect.stringContaining('1 objects cannot be written anew: secrets a/stuck'),
    details: expect.arrayContaining([expect.stringContaining('everything can be read')]),
  });
});

test('another member is asked where one does not answer; where none does, nothing is known', async () => {
  const objects = new Map([['/registry/secrets/a/one', prefix]]);
  expect((await cluster({ objects, down: ['10.0.0.11'] }).precheck(step())).state).toBe('satisfied');
  await expect(cluster({ objects, down: ['10.0.0.11', '10.0.0.12'] }).precheck(step())).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    details: expect.arrayContaining(['https://10.0.0.12:2379: refused']),
  });
});

test('decrypted is what begins with no key, of all that the control plane knows as encrypted', async () => {
  const trial = cluster({ objects: new Map([['/registry/secrets/a/one', prefix]]), replace: () => '' });
  const known = new Map([['secrets', [{ type: 'identity' } as const]]]);
  trial.host.files.put('/etc/kubernetes/encryption/config.yaml', await configText(known));
  const { first, again } = await trial.play(step([]));
  expect([first.state, again]).toEqual(['needed', { state: 'satisfied', because: 'all 1 objects are in clear' }]);
});
