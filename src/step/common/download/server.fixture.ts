import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Answers one request; the list of a path's answers is used up in order, the last one stays. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on the loopback interface until the test is over, and what it was asked. */
export async function startServer(paths: Readonly<Record<string, Answer | readonly Answer[]>>) {
  const { requests, listener } = answering(paths);
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Answers by path, and a list of what was asked. */
export function answering(paths: Readonly<Record<string, Answer | readonly Answer[]>>): {
  readonly requests: string[];
  readonly listener: Answer;
} {
  const requests: string[] = [];
  const asked = new Map<string, number>();
  const listener: Answer = (request, response) => {
    const path = request.url ?? '/';
    requests.push([path, ...(request.headers.range ? [request.headers.range] : [])].join(' '));
    const answers = [paths[path] ?? status(404, 'no such file')].flat();
    const count = asked.get(path) ?? 0;
    asked.set(path, count + 1);
    answers[Math.min(count, answers.length - 1)]?.(request, response);
  };
  return { requests, listener };
}

/** A file, in parts where they are asked for. */
export function file(content: Buffer, headers: Record<string, string> = {}): Answer {
  return ({ headers: { range } }, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const whole = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', ...headers };
    if (from > 0 && from >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    } else if (from > 0) {
      const contentRange = `bytes ${from}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { ...whole, 'content-range': contentRange, 'content-length': content.length - from });
      response.end(content.subarray(from));
    } else {
      response.writeHead(200, { ...whole, 'content-length': content.length }).end(content);
    }
  };
}

/** Promises the whole file and cuts the connection after some of it. */
export function cutAfter(bytes: number, content: Buffer): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 200));
  };
}

/** Sends some of the file and then nothing any more. */
export function stallAfter(bytes: number, content: Buffer): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, bytes));
  };
}

export function status(code: number, text: string, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(code, { 'content-type': 'text/plain', ...headers }).end(text);
  };
}

export function html(code: number, title: string): Answer {
  const page = `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body>${'x'.repeat(3000)}</body></html>`;
  return status(code, page, { 'content-type': 'text/html; charset=utf-8' });
}
