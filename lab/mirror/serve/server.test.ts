import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alive } from '../../hosts/process-id.js';
import { startDetached } from './detached.js';
import { readRecord, writeRecord } from './record.js';
import { mirrorStatus, registryConfig, stopMirror } from './server.js';

let stateDir = '';
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'kubexm-mirror-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

const address = {
  filesUrl: 'http://127.0.0.1:9',
  registry: '127.0.0.1:9',
  privateRegistry: '127.0.0.1:9',
  site: '/nowhere',
};
const nothing = { files: false, registry: false, privateRegistry: false };

test('where nothing was started nothing runs, and stopping does nothing', async () => {
  expect(await mirrorStatus({ stateDir })).toEqual(nothing);
  await stopMirror({ stateDir });
});

test('stopping ends the recorded processes and forgets them', async () => {
  const files = await startDetached('sleep', ['60'], { logFile: join(stateDir, 'log') });
  await writeRecord(stateDir, { ...address, processes: { files } });
  expect(await mirrorStatus({ stateDir })).toEqual(nothing);
  await stopMirror({ stateDir });
  expect(await readRecord(stateDir)).toBeUndefined();
});

test('a lab of before the private registry can still be stopped', async () => {
  const registry = await startDetached('sleep', ['60'], { logFile: join(stateDir, 'log') });
  const { privateRegistry: _later, ...older } = address;
  await writeFile(join(stateDir, 'mirror.json'), JSON.stringify({ ...older, processes: { registry } }));
  await stopMirror({ stateDir });
  expect(await alive(registry)).toBe(false);
});

test('a damaged record is an error, not "nothing runs"', async () => {
  await writeFile(join(stateDir, 'mirror.json'), '{"processes": 3}');
  await expect(stopMirror({ stateDir })).rejects.toThrow();
});

test('the registry serves the cache read-only on the given address', () => {
  expect(registryConfig({ registry: '10.99.0.1:5000', site: '/cache/site' })).toMatchObject({
    http: { addr: '10.99.0.1:5000' },
    storage: { filesystem: { rootdirectory: '/cache/site/registry' }, maintenance: { readonly: { enabled: true } } },
  });
});
