import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runStep, temporaryDirectory } from '../../local-step.fixture.js';
import { generateCACert, generateSignedCert } from '../../pki/index.js';
import { type Answer, answering } from './server.fixture.js';

/** An https server on the loopback interface with a certificate for `name`, of a CA that nobody knows. */
export async function startTlsServer(name: string, paths: Readonly<Record<string, Answer>>) {
  const directory = await temporaryDirectory();
  const files = (of: string) => ({ cert: join(directory, `${of}.crt`), key: join(directory, `${of}.key`) });
  const subject = { commonName: name };
  await runStep(generateCACert({ files: files('ca'), subject: { commonName: 'unknown' } }));
  await runStep(
    generateSignedCert({ files: files('server'), ca: files('ca'), subject, usages: ['server'], sans: { dns: [name] } }),
  );
  const [cert, key] = await Promise.all([readFile(files('server').cert), readFile(files('server').key)]);
  const { requests, listener } = answering(paths);
  const server = createTlsServer({ cert, key }, listener);
  /** Names that clients asked for in their TLS handshakes. */
  const names = new Set<unknown>();
  server.on('secureConnection', (socket: Socket & { servername?: unknown }) => names.add(socket.servername));
  return { port: await listening(server), requests, names };
}

/** A proxy that opens tunnels to the ports of this machine that it knows by these names, and refuses all others. */
export async function startConnectProxy(targets: Readonly<Record<string, number>>) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(405).end();
  });
  server.on('connect', (request, client: Socket, head: Buffer) => {
    requests.push(`CONNECT ${request.url ?? ''}`);
    client.on('error', () => client.destroy());
    const port = targets[request.url ?? ''];
    if (port === undefined) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  return { url: `http://127.0.0.1:${await listening(server)}`, requests };
}

async function listening(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
