import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asError, KubexmError } from '../errors/index.js';
import { resolveSecret, Secret, type SecretSource, secretResolver } from './index.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubexm-secrets-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

async function failure(source: SecretSource, options = {}): Promise<Error> {
  return resolveSecret(source, options).then(
    () => new Error('resolved'),
    (thrown: unknown) => asError(thrown),
  );
}

describe('resolveSecret', () => {
  test('takes the value of an environment variable', async () => {
    const secret = await resolveSecret({ env: 'TOKEN' }, { env: { TOKEN: 'canary' } });
    expect(secret.reveal()).toBe('canary');
  });

  test('names the variable that is not set, and how to set it', async () => {
    const error = await failure({ env: 'W1_PASSWORD' }, { env: {}, title: 'password of w1' });
    expect(error).toBeInstanceOf(KubexmError);
    expect(error).toMatchObject({
      code: 'SECRET_MISSING',
      message: 'the environment variable W1_PASSWORD for the password of w1 is not set',
      hint: 'read -rs W1_PASSWORD && export W1_PASSWORD',
    });
  });

  test('takes the first line of a file', async () => {
    const secret = await resolveSecret({ file: await file('lines', 'canary \r\nsecond\n') });
    expect(secret.reveal()).toBe('canary ');
  });

  test('warns about a file that others may read', async () => {
    const warnings: string[] = [];
    const path = await file('open', 'canary\n', 0o644);
    await resolveSecret({ file: path }, { title: 'password of w1', warn: (message) => warnings.push(message) });
    expect(warnings).toEqual([`${path} with the password of w1 is open to others; chmod 600 ${path}`]);
  });

  test('an empty file and a missing one are told apart', async () => {
    expect((await failure({ file: await file('empty', '\n') })).message).toContain('is empty');
    expect((await failure({ file: join(folder, 'none') })).message).toContain('ENOENT');
  });

  test('takes the first line that a command prints', async () => {
    const secret = await resolveSecret({ exec: [process.execPath, '-e', 'console.log("canary\\nmore")'] });
    expect(secret.reveal()).toBe('canary');
  });

  test('a failed command shows its stderr and neither its output nor its arguments', async () => {
    const script = 'console.log("canary"); console.error("locked"); process.exit(3)';
    const error = await failure({ exec: [process.execPath, '-e', script] });
    expect(error).toMatchObject({ code: 'SECRET_MISSING', details: ['locked'] });
    expect(error.message).toContain('failed (3)');
    expect(inspect(error, { depth: 9 })).not.toContain('canary');
  });

  test('asks with the title of the secret', async () => {
    const secret = await resolveSecret(
      { prompt: true },
      { title: 'sudo password of w1', prompt: async (q) => `answer to ${q}` },
    );
    expect(secret.reveal()).toBe('answer to sudo password of w1');
  });

  test('says what to do where nobody can be asked', async () => {
    expect(await failure({ prompt: true })).toMatchObject({
      code: 'SECRET_MISSING',
      hint: expect.stringContaining('{ env: NAME }'),
    });
  });

  test('a plain secret is itself', async () => {
    const plain = new Secret('canary');
    expect(await resolveSecret({ plain })).toBe(plain);
  });
});

describe('secretResolver', () => {
  test('asks once for a source that many hosts share, and one question at a time', async () => {
    let open = 0;
    const questions: string[] = [];
    const resolver = secretResolver({
      prompt: async (question) => {
        questions.push(question);
        expect(++open).toBe(1);
        await new Promise((done) => setTimeout(done, 5));
        open--;
        return `secret ${questions.length}`;
      },
    });
    const shared: SecretSource = { prompt: true };
    const own: SecretSource = { prompt: true };
    const [a, b, c] = await Promise.all([
      resolver.resolve(shared, 'password of w1'),
      resolver.resolve(shared, 'password of w2'),
      resolver.resolve(own, 'password of w3'),
    ]);
    expect(questions).toEqual(['password of w1', 'password of w3']);
    expect(a).toBe(b);
    expect(c.reveal()).toBe('secret 2');
  });

  test('runs a command once, however often it is written', async () => {
    const path = await file('count', '');
    const script = `require('node:fs').appendFileSync(${JSON.stringify(path)}, 'x'); console.log('canary')`;
    const resolver = secretResolver();
    const source = () => ({ exec: [process.execPath, '-e', script] });
    const [a, b] = await Promise.all([resolver.resolve(source(), 'one'), resolver.resolve(source(), 'two')]);
    expect(a).toBe(b);
    expect((await resolveSecret({ file: path })).reveal()).toBe('x');
  });
});
