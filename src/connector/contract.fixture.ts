import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connector } from './types.js';

/** Reads the line that comes before all else, as sudo does, and gives it to the command as $P. */
const readingShell = { prefix: `sh -c 'read -r P; export P; exec "$@"' kx`, before: 'first line\n' };

/** Commands of the contract, so that a scripted connector can answer them. */
export const contractCommands = {
  outputs: 'printf out; printf err >&2; exit 3',
  syntaxError: 'if then (',
  echo: 'cat',
  count: 'wc -c',
  hex: 'od -An -tx1',
  ignoresStdin: 'true',
  large: "head -c 5000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' e >&2",
  slow: 'sleep 30',
  healthy: 'echo healthy',
  lines: "printf 'one\\ntwo\\r\\nlast'; printf 'warning\\n' >&2",
  leaves: 'cd /usr; LEFT=behind; exit 7',
  looks: 'echo "[$LEFT]"; [ "$PWD" = /usr ] && echo moved',
  kills: 'printf before; kill -9 $$',
  checksum: 'sha256sum',
  early: 'head -c 1 >/dev/null; echo full >&2; exit 4',
  download: 'printf "kept: "; cat',
  failingDownload: 'echo half; exit 5',
  shell: 'printf "%s+" "$P"; cat',
} as const;

export interface ContractSubject {
  readonly connector: Connector;
  dispose?(): Promise<void>;
}

/** What every connector does, whatever is behind it. `make` gives a fresh one. */
export function connectorContract(label: string, make: () => Promise<ContractSubject>): void {
  describe(`contract: ${label}`, () => {
    const say = contractCommands;
    let subject: ContractSubject;
    let connector: Connector;
    let directory: string;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'kubexm-contract-'));
      subject = await make();
      connector = subject.connector;
    });

    afterAll(async () => {
      await connector.close();
      await subject.dispose?.();
      await rm(directory, { recursive: true });
    });

    for (const ownChannel of [false, true]) {
      const how = ownChannel ? 'a long command' : 'a short command';

      test(`${how} gives exit code, stdout and stderr`, async () => {
        const result = await connector.exec(say.outputs, { ownChannel });
        expect(result).toEqual({ exitCode: 3, stdout: 'out', stderr: 'err' });
      });

      test(`${how} with a syntax error fails alone`, async () => {
        const result = await connector.exec(say.syntaxError, { ownChannel });
        expect(result.exitCode).not.toBe(0);
        expect(result.stderr).toMatch(/syntax/i);
        await expectHealthy();
      });

      test(`${how} reads its stdin to the letter`, async () => {
        const stdin = 'Käse 🧀 \'quoted\' "twice" $HOME `id` \\n\n\nno line end';
        expect(await connector.exec(say.echo, { stdin, ownChannel })).toEqual({
          exitCode: 0,
          stdout: stdin,
          stderr: '',
        });
        expect((await connector.exec(say.echo, { ownChannel })).stdout).toBe('');
      });

      test(`${how} is run by the given shell, which reads its line first`, async () => {
        const options = { shell: readingShell, stdin: 'stdin', ownChannel };
        expect((await connector.exec(say.shell, options)).stdout).toBe('first line+stdin');
        expect((await connector.exec(say.shell, options)).stdout).toBe('first line+stdin');
      });

      test(`${how} that takes too long fails in time, and the next one works`, async () => {
        const start = Date.now();
        const failing = connector.exec(say.slow, { timeoutMs: 300, ownChannel });
        await expect(failing).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
        expect(Date.now() - start).toBeLessThan(3000);
        await expectHealthy();
      });

      test(`${how} is cancelled by its signal, and the next one works`, async () => {
        const abort = new AbortController();
        const failing = connector.exec(say.slow, { signal: abort.signal, ownChannel });
        setTimeout(() => abort.abort(), 200);
        await expect(failing).rejects.toMatchObject({ code: 'CANCELLED' });
        await expect(connector.exec(say.slow, { signal: abort.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
        await expectHealthy();
      });

      test(`${how} that kills its shell tells so, and the next one works`, async () => {
        const result = await connector.exec(say.kills, { ownChannel });
        expect(result).toEqual({ exitCode: 137, stdout: 'before', stderr: '' });
        await expectHealthy();
      });

      test(`${how} leaves nothing behind for the next`, async () => {
        expect((await connector.exec(say.leaves, { ownChannel })).exitCode).toBe(7);
        expect((await connector.exec(say.looks, { ownChannel })).stdout).toBe('[]\n');
      });

      test(`${how} may write megabytes to both streams`, async () => {
        const { stdout, stderr } = await connector.exec(say.large, { ownChannel });
        expect(stdout.length).toBe(5_000_000);
        expect(stderr.length).toBe(100_000);
      });
    }

    test('stdin may be large, binary, or ignored by the command', async () => {
      const large = 'x'.repeat(1_000_000);
      expect((await connector.exec(say.count, { stdin: large })).stdout.trim()).toBe('1000000');
      expect((await connector.exec(say.hex, { stdin: Uint8Array.of(0, 255, 10) })).stdout.trim()).toBe('00 ff 0a');
      expect((await connector.exec(say.ignoresStdin, { stdin: large })).exitCode).toBe(0);
    });

    test('lines are told as they come, with their stream', async () => {
      const lines: string[] = [];
      const result = await connector.exec(say.lines, { onLine: (line, stream) => lines.push(`${stream} ${line}`) });
      expect(lines.filter((line) => line.startsWith('stdout'))).toEqual(['stdout one', 'stdout two', 'stdout last']);
      expect(lines).toContain('stderr warning');
      expect(result.stdout).toBe('one\ntwo\r\nlast');
    });

    test('parallel commands do not mix', async () => {
      const inputs = Array.from({ length: 40 }, (_, index) => `input ${index}`);
      const results = await Promise.all(
        inputs.map((stdin, index) => connector.exec(say.echo, { stdin, ownChannel: index % 3 === 0 })),
      );
      expect(results.map(({ stdout }) => stdout)).toEqual(inputs);
    });

    test('20 MB are uploaded as they are, with progress', async () => {
      const content = randomBytes(20_000_000);
      const source = join(directory, 'source');
      await writeFile(source, content);
      const steps: number[] = [];
      const start = Date.now();
      const result = await connector.upload(source, say.checksum, { progress: (done) => steps.push(done) });
      expect(result.stdout.slice(0, 64)).toBe(createHash('sha256').update(content).digest('hex'));
      expect(steps.at(-1)).toBe(content.length);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
      expect(steps.length).toBeLessThanOrEqual(2 + (Date.now() - start) / 100);
    });

    test('an upload goes to the given shell, after its line', async () => {
      const source = join(directory, 'small');
      await writeFile(source, 'file');
      const result = await connector.upload(source, say.shell, { shell: readingShell });
      expect(result.stdout).toBe('first line+file');
    });

    test('an upload of what is not there, or to what fails, says so', async () => {
      const missing = connector.upload(join(directory, 'missing'), say.checksum);
      await expect(missing).rejects.toMatchObject({ code: 'FILE_MISSING' });
      const source = join(directory, 'refused');
      await writeFile(source, Buffer.alloc(10_000_000));
      expect(await connector.upload(source, say.early)).toMatchObject({ exitCode: 4, stderr: 'full\n' });
      await expectHealthy();
    });

    test('a download appears only when it is whole', async () => {
      const target = join(directory, 'target');
      expect(await connector.download(say.download, target, { mode: 0o640 })).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: '',
      });
      expect(await readFile(target, 'utf8')).toBe('kept: ');
      const half = join(directory, 'half');
      expect((await connector.download(say.failingDownload, half)).exitCode).toBe(5);
      expect(existsSync(half)).toBe(false);
      expect((await readdir(directory)).filter((name) => name.endsWith('.part'))).toEqual([]);
    });

    test('closing ends what runs, and what comes later', async () => {
      const own = await make();
      const running = own.connector.exec(say.slow);
      const outcome = expect(running).rejects.toMatchObject({ code: 'CONNECTOR_CLOSED' });
      await sleep(200);
      await own.connector.close();
      await outcome;
      await expect(own.connector.exec(say.healthy)).rejects.toMatchObject({ code: 'CONNECTOR_CLOSED' });
      await own.connector.close();
      await own.dispose?.();
    });

    async function expectHealthy(): Promise<void> {
      expect(await connector.exec(say.healthy)).toEqual({ exitCode: 0, stdout: 'healthy\n', stderr: '' });
    }
  });
}
