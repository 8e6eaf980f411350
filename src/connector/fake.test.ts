import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { connectorContract, contractCommands as say } from './contract.fixture.js';
import { type FakeCommand, type FakeScript, fakeConnector } from './fake.js';

const textOf = ({ stdin }: FakeCommand): string => Buffer.from(stdin).toString('utf8');

const replies: FakeScript['replies'] = [
  [say.outputs, { exitCode: 3, stdout: 'out', stderr: 'err' }],
  [say.syntaxError, { exitCode: 2, stderr: 'sh: Syntax error' }],
  [say.echo, textOf],
  [say.count, ({ stdin }) => `${stdin.length}\n`],
  [say.hex, ({ stdin }) => [...stdin].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')],
  [say.ignoresStdin, ''],
  [say.large, { stdout: 'x'.repeat(5_000_000), stderr: 'e'.repeat(100_000) }],
  [say.slow, { delayMs: 30_000, reply: '' }],
  [say.healthy, 'healthy\n'],
  [say.lines, { stdout: 'one\ntwo\r\nlast', stderr: 'warning\n' }],
  [say.leaves, { exitCode: 7 }],
  [say.looks, '[]\n'],
  [say.kills, { exitCode: 137, stdout: 'before' }],
  [say.checksum, ({ stdin }) => `${createHash('sha256').update(stdin).digest('hex')}  -\n`],
  [say.early, { exitCode: 4, stderr: 'full\n' }],
  [say.download, 'kept: '],
  [say.failingDownload, { exitCode: 5, stdout: 'half\n' }],
  [say.shell, (asked) => `${asked.shell?.before?.trim() ?? ''}+${textOf(asked)}`],
];

connectorContract('fake', async () => ({ connector: fakeConnector({ replies }) }));

test('a command without an answer is named', async () => {
  const connector = fakeConnector({ name: 'node-1', replies: [] });
  await expect(connector.exec('reboot')).rejects.toThrow('node-1 has no answer for: reboot');
  expect(connector.commands.map(({ command }) => command)).toEqual(['reboot']);
});
