import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { smallCluster } from '../task/plan-context.fixture.js';
import { readAuditFiles } from './audit-files.js';

async function clusterWith(text: string | undefined) {
  const dir = await mkdtemp(join(tmpdir(), 'kubexm-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, 'policy.yaml');
  if (text !== undefined) await writeFile(path, text);
  return { path, cluster: smallCluster({ kubernetes: { apiServer: { audit: { policyFile: path } } } }) };
}

test('the digest of a good policy is known before planning', async () => {
  const { path, cluster } = await clusterWith(
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n',
  );
  expect([...(await readAuditFiles(cluster))]).toEqual([[path, expect.stringMatching(/^[0-9a-f]{64}$/)]]);
});

test.each([
  ['another kind', 'apiVersion: audit.k8s.io/v1\nkind: Pod\nrules: [{ level: None }]', /kind: must be Policy/],
  [
    'another level',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: All }]',
    /rules\[0\]\.level: must be None or/,
  ],
  ['no rules', 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []', /rules: the list must not be empty/],
  [
    'a word that it does not know',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: None, user: [a] }]',
    /did you mean "users"/,
  ],
  ['no YAML', '{', /./],
])('a policy with %s is refused with its place', async (_name, text, detail) => {
  const { path, cluster } = await clusterWith(text);
  await expect(readAuditFiles(cluster)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(path),
    details: expect.arrayContaining([expect.stringMatching(detail)]),
  });
});

test('a policy that is not there is an error of the config', async () => {
  const { cluster } = await clusterWith(undefined);
  await expect(readAuditFiles(cluster)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    hint: expect.stringContaining('audit.policyFile'),
  });
});
