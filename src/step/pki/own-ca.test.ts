import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localContext, runStep, temporaryDirectory } from '../local-step.fixture.js';
import { generateCACert } from './ca-cert.js';
import { ownCa } from './own-ca.js';
import { generateSignedCert } from './signed-cert.js';

async function setting() {
  const dir = await temporaryDirectory();
  const pair = (name: string) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
  const [source, files] = [pair('company'), pair('ca')];
  await runStep(generateCACert({ files: source, subject: { commonName: 'company' } }));
  return { pair, source, files, step: ownCa({ source, files }) };
}

describe("the user's own CA", () => {
  test('is taken once, its key closed to others, and signs', async () => {
    const { pair, source, files, step } = await setting();
    expect((await runStep(step)).last.state).toBe('satisfied');
    expect(await readFile(files.cert, 'utf8')).toBe(await readFile(source.cert, 'utf8'));
    expect((await stat(files.key)).mode & 0o777).toBe(0o600);
    const leaf = generateSignedCert({ files: pair('x'), ca: files, subject: { commonName: 'x' }, usages: ['client'] });
    expect((await runStep(leaf)).last.state).toBe('satisfied');
  });

  test('never takes the place of another one', async () => {
    const { files, step } = await setting();
    await runStep(generateCACert({ files, subject: { commonName: 'kubernetes' } }));
    const before = await readFile(files.cert, 'utf8');
    const ctx = localContext();
    expect((await runStep(step, ctx)).first.state).toBe('satisfied');
    expect(ctx.logs.join()).toMatch(/another one than .*company\.crt, and stays/);
    expect(await readFile(files.cert, 'utf8')).toBe(before);
  });

  test("that has another's key, or none, is refused", async () => {
    const { pair, source, step } = await setting();
    const other = pair('other');
    await runStep(generateCACert({ files: other, subject: { commonName: 'other' } }));
    await writeFile(source.key, await readFile(other.key));
    await expect(runStep(step)).rejects.toMatchObject({ code: 'PKI_BROKEN' });
    await expect(runStep(ownCa({ source: pair('none'), files: pair('ca') }))).rejects.toMatchObject({
      code: 'FILE_MISSING',
    });
  });
});
