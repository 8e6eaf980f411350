import { expect, test } from 'vitest';
import { judge } from './loaded.js';

const sha256 = 'ab'.repeat(32);
const info = (hash: string) =>
  `apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:1",hash="sha256:${hash}"} 1`;
const reloaded = (status: string, at: number) =>
  `apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="sha256:1",status="${status}"} ${at}`;
const started = (at: number) => `process_start_time_seconds ${at}`;
/** The file was written at 1000. */
const output = (now: number, ...metrics: string[]) => [String(now), '1000', ...metrics].join('\n');

test.each([
  ['the digest is that of the file', output(1001, info(sha256)), undefined],
  ['the digest is another', output(5000, info('cd'.repeat(32)), started(4000)), /has not loaded the file yet/],
  ['it saw the change', output(1050, reloaded('success', 1.03e3), started(10)), undefined],
  ['it was started since', output(1050, started(1030.5)), undefined],
  ['it was started in the same second', output(1050, started(1000.4)), /has not looked/],
  [
    'it failed to load it',
    output(1200, reloaded('failure', 1040), reloaded('success', 900), started(10)),
    /cannot load/,
  ],
  ['it failed, and then loaded it', output(1200, reloaded('failure', 1040), reloaded('success', 1060)), undefined],
  ['it has not looked yet', output(1050, started(10)), /has not looked/],
  ['it must have looked by now', output(1080, started(10)), undefined],
])('%s', (_name, text, expected) => {
  const because = judge(text, sha256);
  if (expected === undefined) expect(because).toBeUndefined();
  else expect(because).toMatch(expected);
});
