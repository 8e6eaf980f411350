import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { localContext, runStep, temporaryDirectory } from '../local-step.fixture.js';
import { fileDigest } from '../pki/digest.js';
import { openHttpClient } from './download/http.js';
import { readPins } from './download/lock-file.js';
import { startConnectProxy, startTlsServer } from './download/proxy.fixture.js';
import { cutAfter, file, html, stallAfter, startServer, status } from './download/server.fixture.js';
import { transfer } from './download/transfer.js';
import { downloadFile } from './download-file.js';
import type { DownloadFile } from './download-file-params.js';

const archive = gzipSync(randomBytes(300_000));
const sha256 = digestOf(archive);
const checksum = { sha256, source: 'spec.download.checksums' };

function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function setUp(changes: Partial<DownloadFile> = {}) {
  const dir = await temporaryDirectory();
  const target = join(dir, 'etcd', 'v3.6.14', 'etcd.tar.gz');
  const lock = { path: join(dir, 'kubexm.lock'), key: 'etcd/v3.6.14/amd64', url: 'https://github.com/x/etcd.tar.gz' };
  const params: DownloadFile = { urls: [], target, checksum, expect: 'gzip', lock, ...changes };
  return { dir, target, lock, params, left: () => readdir(join(target, '..')) };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a download', () => {
  test('comes whole, is pinned, tells its digest and its progress', async () => {
    const server = await startServer({ '/etcd.tar.gz': file(archive) });
    const { params, target, lock, left } = await setUp({ urls: [`${server.url}/etcd.tar.gz`] });
    const { first, last, ctx } = await runStep(downloadFile(params));
    expect([first, last]).toMatchObject([{ state: 'needed', because: 'it is not there' }, { state: 'satisfied' }]);
    expect(await readFile(target)).toEqual(archive);
    expect(await left()).toEqual(['etcd.tar.gz']);
    expect(ctx.outputs.get(fileDigest(target).$output)).toBe(sha256);
    expect(ctx.progressed.at(-1)).toEqual({ done: archive.length, total: archive.length });
    expect(await readPins(lock.path)).toEqual(new Map([[lock.key, { sha256, url: lock.url }]]));
    expect((await stat(target)).mode & 0o777).toBe(0o644);
  });

  test('whose last bytes wait to be read when the server has ended the connection', async () => {
    const server = await startServer({ '/f': file(Buffer.alloc(64 * 1024), { connection: 'close' }) });
    const client = await openHttpClient();
    const { body } = await client.get(`${server.url}/f`, { signal: new AbortController().signal });
    await sleep(200);
    expect(Buffer.concat(await body.toArray())).toHaveLength(64 * 1024);
    await client.close();
  });

  test('that is there is not fetched again, and its digest is known', async () => {
    const { params, target } = await setUp();
    await runStep(downloadFile({ ...params, urls: [`${(await startServer({ '/f': file(archive) })).url}/f`] }));
    const { mtimeMs } = await stat(target);
    const { first, ctx } = await runStep(downloadFile(params));
    expect(first).toEqual({ state: 'satisfied', because: 'its sha256 is the one of spec.download.checksums' });
    expect(ctx.outputs.get(fileDigest(target).$output)).toBe(sha256);
    expect((await stat(target)).mtimeMs).toBe(mtimeMs);
  });

  test('whose file was changed on the disk is fetched again', async () => {
    const server = await startServer({ '/f': file(archive) });
    const { params, target } = await setUp({ urls: [`${server.url}/f`] });
    await runStep(downloadFile(params));
    await writeFile(target, 'x');
    const { first, last } = await runStep(downloadFile(params));
    expect(first.because).toContain('spec.download.checksums says');
    expect(last.state).toBe('satisfied');
  });

  test('follows redirects', async () => {
    const server = await startServer({ '/f': status(302, '', { location: '/real' }), '/real': file(archive) });
    const { params } = await setUp({ urls: [`${server.url}/f`] });
    expect((await runStep(downloadFile(params))).last.state).toBe('satisfied');
  });

  test('keeps an encoding that the server adds from changing it', async () => {
    let asked: unknown;
    const server = await startServer({
      '/f': (request, response) => {
        asked = request.headers['accept-encoding'];
        file(archive, { 'content-encoding': 'gzip' })(request, response);
      },
    });
    const { params } = await setUp({ urls: [`${server.url}/f`] });
    expect((await runStep(downloadFile(params))).last.state).toBe('satisfied');
    expect(asked).toBe('identity');
  });

  test('is refused on another host', async () => {
    const { params } = await setUp();
    await expect(downloadFile(params).precheck(localContext({ host: 'm1' }))).rejects.toThrow('control node only');
  });
});

describe('upstream’s checksum file', () => {
  const withChecksum = async (text: string, path = '/SHA256SUMS') => {
    const server = await startServer({ '/etcd.tar.gz': file(archive), [path]: status(200, text) });
    const made = await setUp({ urls: [`${server.url}/etcd.tar.gz`], checksum: { urls: [`${server.url}${path}`] } });
    return { ...made, server };
  };

  test('is fetched with the file, and never again once the digest is pinned', async () => {
    const { params, server } = await withChecksum(`${'0'.repeat(64)}  other.tar.gz\n${sha256}  etcd.tar.gz\n`);
    const { first, last } = await runStep(downloadFile(params));
    expect([first.state, last]).toEqual([
      'needed',
      { state: 'satisfied', because: 'its sha256 is the one of kubexm.lock' },
    ]);
    await runStep(downloadFile(params));
    expect(server.requests).toEqual(['/SHA256SUMS', '/etcd.tar.gz']);
  });

  test('verifies a file that is there already', async () => {
    const { params, target, server } = await withChecksum(sha256);
    await runStep(
      downloadFile({ ...params, lock: { ...(params.lock ?? fail()), path: join(target, '..', 'other.lock') } }),
    );
    const { first, last } = await runStep(downloadFile(params));
    expect(first).toMatchObject({ state: 'needed', because: 'it is there, but nothing has verified it yet' });
    expect(last.state).toBe('satisfied');
    expect(server.requests.filter((path) => path === '/etcd.tar.gz')).toHaveLength(1);
  });

  test('that is an error page or does not name the file is an error that says how to give the digest', async () => {
    const { params } = await withChecksum('no digests here');
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'ARTIFACT_CHECKSUM',
      message: expect.stringContaining('holds no sha256 of etcd.tar.gz'),
      hint: expect.stringContaining('spec.download.checksums'),
    });
  });

  test('that changed after it was pinned does not count; a changed file is an error that says how to accept it', async () => {
    const changed = gzipSync(randomBytes(1000));
    const server = await startServer({
      '/f': [file(archive), file(changed)],
      '/sum': [status(200, sha256), status(200, digestOf(changed))],
    });
    const { params, target, lock } = await setUp({
      urls: [`${server.url}/f`],
      checksum: { urls: [`${server.url}/sum`] },
      lock: {
        path: join(await temporaryDirectory(), 'kubexm.lock'),
        key: 'etcd/v3.6.14/amd64',
        url: 'https://github.com/f',
      },
    });
    await runStep(downloadFile(params));
    await writeFile(target, 'lost');
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'ARTIFACT_CHECKSUM',
      message: expect.stringContaining('changed upstream'),
      details: [`expected ${sha256} (kubexm.lock)`, `got      ${digestOf(changed)}`],
      hint: expect.stringContaining(`remove "${lock.key}" from`),
      retryable: false,
    });
  });
});

describe('faults', () => {
  test('an HTML page with 404 names address, status and page, and leaves nothing', async () => {
    const server = await startServer({ '/f': html(404, '404 Not Found') });
    const { params, left, lock } = await setUp({ urls: [`${server.url}/f`] });
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'ARTIFACT_DOWNLOAD',
      message: `${server.url}/f answered 404 with an HTML page (“404 Not Found”)`,
      hint: expect.stringContaining('version exists'),
    });
    expect(server.requests).toHaveLength(1);
    expect(await left()).toEqual([]);
    expect(await readPins(lock.path)).toEqual(new Map());
  });

  test.each([
    ['gzip', html(200, 'Sign in'), 'sent an HTML page (“Sign in”), not a gzip archive'],
    ['elf', file(archive), 'sent something that begins with 1f8b'],
    ['any', html(200, 'Sign in'), 'sent an HTML page (“Sign in”)'],
    ['gzip', status(200, 'quota exceeded'), 'sent text (“quota exceeded”), not a gzip archive'],
    ['gzip', status(200, ''), 'sent nothing, not a gzip archive'],
  ] as const)('what is no %s is never kept: %#', async (expected, answer, message) => {
    const server = await startServer({ '/f': answer });
    const { params, left } = await setUp({ urls: [`${server.url}/f`], expect: expected });
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'ARTIFACT_DOWNLOAD',
      message: expect.stringContaining(message),
    });
    expect(await left()).toEqual([]);
  });

  test('a wrong digest names both, where the expected one comes from, and removes what came', async () => {
    const other = gzipSync(randomBytes(100));
    const server = await startServer({ '/f': file(other) });
    const { params, left } = await setUp({ urls: [`${server.url}/f`] });
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'ARTIFACT_CHECKSUM',
      message: expect.stringContaining(`${server.url}/f has the wrong sha256`),
      details: [`expected ${sha256} (spec.download.checksums)`, `got      ${digestOf(other)}`],
    });
    expect(await left()).toEqual([]);
  });

  test('mirrors are asked in their order until one has the file', async () => {
    const server = await startServer({
      '/1': html(404, 'gone'),
      '/2': file(gzipSync(Buffer.from('bad'))),
      '/3': file(archive),
      '/4': file(archive),
    });
    const { params } = await setUp({
      urls: ['http://127.0.0.1:9/closed', ...['1', '2', '3', '4'].map((path) => `${server.url}/${path}`)],
    });
    const { last, ctx } = await runStep(downloadFile(params));
    expect(last.state).toBe('satisfied');
    expect(server.requests).toEqual(['/1', '/2', '/3']);
    expect(ctx.logs[0]).toContain('connection refused; trying again');
  });

  test('when all mirrors fail, each one’s fault is told', async () => {
    const server = await startServer({ '/1': html(404, 'gone'), '/2': status(403, 'no') });
    const { params } = await setUp({ urls: [`${server.url}/1`, `${server.url}/2`] });
    await expect(downloadFile(params).run(localContext(), undefined)).rejects.toMatchObject({
      message: `${server.url}/2 answered 403 with text (“no”)`,
      details: [`${server.url}/1 answered 404 with an HTML page (“gone”)`],
      retryable: false,
    });
  });

  test('a connection that breaks goes on where it stopped', async () => {
    const server = await startServer({ '/f': [status(503, 'busy'), cutAfter(100_000, archive), file(archive)] });
    const { params, target } = await setUp({ urls: [`${server.url}/f`] });
    const { last, ctx } = await runStep(downloadFile(params));
    expect(last.state).toBe('satisfied');
    expect(server.requests).toEqual(['/f', '/f', '/f bytes=100000-']);
    expect(await readFile(target)).toEqual(archive);
    expect(ctx.logs).toHaveLength(2);
    expect(ctx.progressed.at(-1)).toEqual({ done: archive.length, total: archive.length });
  });

  test('a server that knows no ranges sends it all again', async () => {
    const server = await startServer({
      '/f': [cutAfter(100_000, archive), (_, response) => void response.end(archive)],
    });
    const { params, target } = await setUp({ urls: [`${server.url}/f`] });
    await runStep(downloadFile(params));
    expect(await readFile(target)).toEqual(archive);
  });

  test('a stopped run’s part is used by the next one', async () => {
    const server = await startServer({ '/f': [stallAfter(50_000, archive), file(archive)] });
    const { params, left } = await setUp({ urls: [`${server.url}/f`] });
    const abort = new AbortController();
    const running = downloadFile(params).run(localContext({ signal: abort.signal }), undefined);
    await vi.waitFor(async () => expect(await left()).toEqual(['etcd.tar.gz.part']));
    abort.abort(new Error('interrupted'));
    await expect(running).rejects.toThrow('interrupted');
    expect((await runStep(downloadFile(params))).last.state).toBe('satisfied');
    expect(server.requests.at(-1)).toBe('/f bytes=50000-');
  });

  test.each([
    ['of another file', Buffer.concat([archive.subarray(0, 10), randomBytes(990)]), ['/f bytes=1000-', '/f']],
    ['longer than the file', Buffer.concat([archive, archive]), [`/f bytes=${archive.length * 2}-`, '/f']],
    ['that is the whole file', archive, [`/f bytes=${archive.length}-`]],
  ])('a part %s comes right', async (_, part, requests) => {
    const server = await startServer({ '/f': file(archive) });
    const { params, dir } = await setUp({ urls: [`${server.url}/f`] });
    const target = join(dir, 'f');
    await writeFile(`${target}.part`, part);
    expect((await runStep(downloadFile({ ...params, target }))).last.state).toBe('satisfied');
    expect(server.requests).toEqual(requests);
  });

  test('silence ends an attempt', async () => {
    const server = await startServer({ '/f': stallAfter(50_000, archive), '/never': () => undefined });
    const client = await openHttpClient({ connect: 300, idle: 300 });
    const job = {
      client,
      part: join(await temporaryDirectory(), 'p'),
      expect: 'gzip',
      signal: new AbortController().signal,
      progress: () => undefined,
    } as const;
    await expect(transfer({ ...job, url: `${server.url}/f` })).rejects.toThrow('the answer stopped half-way');
    await expect(transfer({ ...job, url: `${server.url}/never` })).rejects.toThrow('no answer in time');
    await client.close();
  });

  test('a full disk is told at once, with the directory', async () => {
    const server = await startServer({ '/f': file(archive) });
    const { params, dir } = await setUp({ urls: [`${server.url}/f`] });
    const target = join(dir, 'f');
    await symlink('/dev/full', `${target}.part`);
    await expect(downloadFile({ ...params, target }).run(localContext(), undefined)).rejects.toMatchObject({
      code: 'HOST_DISK_FULL',
      message: expect.stringContaining(target),
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('proxies', () => {
  test('of the environment are used, but not past NO_PROXY', async () => {
    const proxy = await startServer({ 'http://upstream.invalid/f': file(archive) });
    const direct = await startServer({ '/f': file(archive) });
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('http_proxy', proxy.url);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    vi.stubEnv('no_proxy', '127.0.0.1');
    const first = await setUp({ urls: ['http://upstream.invalid/f'] });
    expect((await runStep(downloadFile(first.params))).last.state).toBe('satisfied');
    const second = await setUp({ urls: [`${direct.url}/f`] });
    expect((await runStep(downloadFile(second.params))).last.state).toBe('satisfied');
    expect([proxy.requests, direct.requests]).toEqual([['http://upstream.invalid/f'], ['/f']]);
  });
  /** Upstream over TLS, reached through CONNECT by a name that only the proxy knows. */
  async function behindProxy() {
    const upstream = await startTlsServer('upstream.test', {
      '/f': file(archive),
      '/moved': status(302, '', { location: '/f' }),
    });
    const proxy = await startConnectProxy({ 'upstream.test:443': upstream.port });
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, proxy.url);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '127.0.0.1');
    return { upstream, proxy };
  }

  test('pass https on through CONNECT', async () => {
    const { upstream, proxy } = await behindProxy();
    // The certificate is of a CA that this process does not know, and does not get to know after its start.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { params, target } = await setUp({ urls: ['https://upstream.test/moved'] });
    expect((await runStep(downloadFile(params))).last.state).toBe('satisfied');
    expect(await readFile(target)).toEqual(archive);
    expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT upstream.test:443']));
    expect(upstream.requests).toEqual(['/moved', '/f']);
    expect(upstream.names).toEqual(new Set(['upstream.test']));
  });

  test('do not make an unknown certificate right: nothing is asked, nothing tried again', async () => {
    const { upstream, proxy } = await behindProxy();
    const { params, left } = await setUp({ urls: ['https://upstream.test/f'] });
    await expect(runStep(downloadFile(params))).rejects.toMatchObject({
      code: 'ARTIFACT_DOWNLOAD',
      message: expect.stringContaining('https://upstream.test/f: unable to verify the first certificate'),
      retryable: false,
    });
    expect([proxy.requests, upstream.requests]).toEqual([['CONNECT upstream.test:443'], []]);
    expect(await left()).toEqual([]);
  });

  test('that refuse are an error that names the file', async () => {
    const { proxy } = await behindProxy();
    const { params } = await setUp({ urls: ['https://elsewhere.test/f'] });
    await expect(runStep(downloadFile(params))).rejects.toMatchObject({
      code: 'ARTIFACT_DOWNLOAD',
      message: expect.stringMatching(/https:\/\/elsewhere.test\/f: .*403/),
    });
    expect(proxy.requests[0]).toBe('CONNECT elsewhere.test:443');
  });
});

function fail(): never {
  throw new Error('the fixture has a lock');
}
