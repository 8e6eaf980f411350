import { expect, test } from 'vitest';
import { hostTrial } from '../host-step.fixture.js';
import { sameEndpoint } from './same-endpoint.js';

const step = sameEndpoint({ server: 'https://lb.example:6443' });
const on = (server: string) =>
  hostTrial({ files: { '/etc/kubernetes/admin.conf': `clusters:\n- cluster:\n    server: ${server}\n  name: k\n` } });

test.each(['https://lb.example:6443', 'https://10.0.0.11:6443'])('%s is fine', async (server) => {
  expect((await on(server).precheck(step)).state).toBe('satisfied');
});

test.each([
  ['https://old.example:6443', 'domain: old.example, port: 6443'],
  ['https://lb.example:8443', 'domain: lb.example, port: 8443'],
])('%s is refused, with what to write', async (server, hint) => {
  await expect(on(server).precheck(step)).rejects.toMatchObject({
    code: 'GUARD_REFUSED',
    hint: expect.stringContaining(hint),
  });
});
