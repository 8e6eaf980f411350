import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { createCluster } from '../../src/pipeline/index.js';
import { clusterOf, exampleClusters, planContext } from '../../src/task/plan-context.fixture.js';
import { planText } from './plan-text.js';

// Set it to 1 to write the plans anew, and then read the diff: every line of it is a change for users.
const updating = process.env.KUBEXM_UPDATE_GOLDEN === '1';
const examples = exampleClusters();
const path = (name: string) => join(import.meta.dirname, `${name}.plan.txt`);

// Paths that begin with ~ must not tell where the tests run.
beforeEach(() => {
  vi.stubEnv('HOME', '/home/user');
});

test.each([...examples])('the plan of %s is the one that was read and agreed to', async (name, text) => {
  const actual = planText(createCluster.plan(planContext(clusterOf(text))));
  if (updating) await writeFile(path(name), actual);
  const agreed = await readFile(path(name), 'utf8');
  expect(actual, 'if that is wanted: KUBEXM_UPDATE_GOLDEN=1 npx vitest run test/golden, then read the diff').toBe(
    agreed,
  );
});

test('every agreed plan belongs to an example', async () => {
  const plans = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.plan.txt'));
  expect(plans.toSorted()).toEqual([...examples.keys()].map((name) => `${name}.plan.txt`).toSorted());
});
