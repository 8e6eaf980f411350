import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { output } from '../../plan/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { renderTemplate, uploadFile, writeFile } from './file.js';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

describe('uploadFile', () => {
  const params = {
    source: '/artifacts/etcd.tgz',
    target: '/var/lib/x/etcd.tgz',
    sha256: digest('archive'),
    mode: 0o640,
  };
  const localFiles = { '/artifacts/etcd.tgz': 'archive' };

  test.each([
    { host: 'has nothing', file: undefined, because: 'missing', acts: 'upload /var/lib/x/etcd.tgz' },
    { host: 'has another content', file: 'old', because: 'content differs', acts: 'upload /var/lib/x/etcd.tgz' },
    {
      host: 'has a symlink there',
      file: { linkTarget: '/opt/x' },
      because: 'is a symlink, not a file',
      acts: 'upload /var/lib/x/etcd.tgz',
    },
    {
      host: 'has another mode',
      file: { content: 'archive', mode: 0o600 },
      because: 'mode is 0600, not 0640',
      acts: undefined,
    },
    {
      host: 'has another owner',
      file: { content: 'archive', mode: 0o640, owner: 'bob' },
      because: 'owner is bob:root, not root:root',
      acts: undefined,
    },
  ])('where the host $host', async ({ file, because, acts }) => {
    const trial = hostTrial({
      files: file === undefined ? {} : { [params.target]: file },
      localFiles,
      commands: [
        [
          /^chown .* && chmod 0640/,
          (_call, host) => {
            host.files.put(params.target, { content: 'archive', mode: 0o640 });
            return '';
          },
        ],
      ],
    });
    const { first, again } = await trial.play(uploadFile(params));
    expect(first).toMatchObject({ state: 'needed', because });
    expect(again).toEqual({ state: 'satisfied', because: 'content, mode and owner match' });
    expect(trial.host.operations.includes(`upload ${params.target}`)).toBe(acts !== undefined);
    expect(trial.host.files.get(params.target)).toMatchObject({ content: 'archive', mode: 0o640, owner: 'root' });
  });

  test('a second run changes nothing and takes one look', async () => {
    const trial = hostTrial({ localFiles });
    await trial.play(uploadFile(params));
    trial.host.operations.length = 0;
    expect((await trial.play(uploadFile(params))).first.state).toBe('satisfied');
    expect(trial.host.operations).toEqual([`stat ${params.target}`]);
  });

  test('holds an upload slot, tells its progress and takes a digest learned at run time', async () => {
    const trial = hostTrial({ localFiles, outputs: { etcd: digest('archive') } });
    const step = uploadFile({ ...params, sha256: output('etcd') });
    expect(step.uses).toEqual(['upload']);
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.progress).toEqual([7]);
  });

  test('a directory in its place is an error, and a full disk the cause of one', async () => {
    const directory = hostTrial({ files: { [params.target]: { type: 'directory' } } });
    await expect(directory.precheck(uploadFile(params))).rejects.toThrow('node-1: /var/lib/x/etcd.tgz is a directory');
    const full = hostTrial({ localFiles, faults: [{ on: /^upload/, fault: 'disk-full' }] });
    await expect(full.play(uploadFile(params))).rejects.toMatchObject({ code: 'HOST_DISK_FULL' });
  });

  test('a host that does not answer is not a host without the file', async () => {
    const trial = hostTrial({ localFiles, faults: [{ on: /^stat/, fault: 'drop-connection' }] });
    await expect(trial.precheck(uploadFile(params))).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  });

  test('undone: what it made goes, what it replaced cannot come back and is said to stay', async () => {
    const fresh = hostTrial({ localFiles });
    await fresh.playAndUndo(uploadFile(params));
    expect(fresh.host.files.has(params.target)).toBe(false);
    const replaced = hostTrial({ localFiles, files: { [params.target]: 'the user had this' } });
    await expect(replaced.playAndUndo(uploadFile(params))).rejects.toThrow('was not kept, so it stays as it is');
    expect(replaced.host.files.get(params.target)?.content).toBe('archive');
  });
});

describe('writeFile', () => {
  test('puts together text, secrets and outputs; with a secret only its owner may read it', async () => {
    const trial = hostTrial({ secrets: { token: 'hunter2' }, outputs: { id: '42' } });
    const step = writeFile({ target: '/etc/x', content: ['id=', output('id'), ' token=', { $secret: 'token' }, '\n'] });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.host.files.get('/etc/x')).toMatchObject({ content: 'id=42 token=hunter2\n', mode: 0o600 });
    expect(JSON.stringify(step)).not.toContain('hunter2');
  });

  test('changed by somebody: said, and put right', async () => {
    const trial = hostTrial();
    const step = writeFile({ target: '/etc/x', content: 'a\n', owner: 'etcd' });
    await trial.play(step);
    trial.host.files.put('/etc/x', { content: 'b\n', owner: 'etcd' });
    const { first, again } = await trial.play(step);
    expect(first).toMatchObject({ state: 'needed', because: 'content differs' });
    expect(again?.state).toBe('satisfied');
    expect(trial.host.files.get('/etc/x')).toMatchObject({ content: 'a\n', owner: 'etcd' });
  });

  test('undone: the file of the user is back, with its mode and owner, and its text is never shown', async () => {
    const users = { content: 'secret of the user\n', mode: 0o600, owner: 'bob', group: 'staff' };
    const trial = hostTrial({ files: { '/etc/x': users } });
    const step = writeFile({ target: '/etc/x', content: 'a\n' });
    expect(JSON.stringify(await trial.precheck(step))).not.toContain('secret of the user');
    await trial.playAndUndo(step);
    expect(trial.host.files.get('/etc/x')).toMatchObject(users);
  });

  test('undone: what is no text or too large for memory stays, and the error says so', async () => {
    for (const content of [new Uint8Array([0xff, 0xfe, 0x00]), 'x'.repeat(1024 * 1024 + 1)]) {
      const trial = hostTrial({ files: { '/etc/x': { content } } });
      await expect(trial.playAndUndo(writeFile({ target: '/etc/x', content: 'a' }))).rejects.toThrow('was not kept');
    }
  });

  test('undone: a symlink is a symlink again', async () => {
    const trial = hostTrial({
      files: { '/etc/x': { linkTarget: '/opt/x' } },
      commands: [['ln -sfn /opt/x /etc/x', '']],
    });
    await trial.playAndUndo(writeFile({ target: '/etc/x', content: 'a' }));
    expect(trial.host.commands).toEqual(['ln -sfn /opt/x /etc/x']);
  });

  test('on the control machine a file belongs to whoever runs kubexm', async () => {
    const trial = hostTrial({
      name: 'control-node',
      files: { '/home/ada/x': { content: 'a', owner: 'ada', group: 'ada' } },
    });
    expect((await trial.precheck(writeFile({ target: '/home/ada/x', content: 'a' }))).state).toBe('satisfied');
  });
});

describe('renderTemplate', () => {
  const templates = { 'etcd/etcd.service': 'ExecStart={{binary}}\n' };
  const step = renderTemplate({
    template: 'etcd/etcd.service',
    data: { binary: '/usr/local/bin/etcd' },
    target: '/etc/u',
  });

  test('renders onto the host; a second run finds it so', async () => {
    const trial = hostTrial({ templates });
    expect((await trial.play(step)).again?.state).toBe('satisfied');
    expect(trial.host.files.get('/etc/u')).toMatchObject({ content: 'ExecStart=/usr/local/bin/etcd\n', mode: 0o644 });
    expect((await trial.play(step)).first.state).toBe('satisfied');
  });

  test('a changed template is written anew', async () => {
    const trial = hostTrial({ templates, files: { '/etc/u': 'ExecStart=/usr/bin/etcd\n' } });
    expect((await trial.play(step)).first).toMatchObject({ because: 'content differs' });
  });

  test('a template that asks for more than it is given touches nothing', async () => {
    const trial = hostTrial({ templates: { 'etcd/etcd.service': '{{binary}} {{flags}}' } });
    await expect(trial.precheck(step)).rejects.toMatchObject({ code: 'TEMPLATE_BROKEN' });
    expect(trial.host.operations).toEqual([]);
  });
});
