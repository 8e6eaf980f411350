import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';

export interface ServerOptions {
  /** Files of private keys. */
  readonly hostKeys: readonly string[];
  /** Which logins are let in; default: all. `tried` of the server lists the methods. */
  readonly admit?: (context: AuthContext) => boolean | Promise<boolean>;
  /** What the server says it accepts. */
  readonly methods?: ('password' | 'publickey' | 'keyboard-interactive')[];
  /** Called instead of admitting, for dialogues. */
  readonly port?: number;
}

/** An SSH server in this process, for what a real sshd cannot be made to do: drop connections, take passwords, hang. */
export interface TestServer {
  readonly port: number;
  /** Login methods that were tried, in order. */
  readonly tried: string[];
  readonly connections: Set<Connection>;
  /** Cuts all connections, as a power failure does. */
  drop(): void;
  close(): Promise<void>;
}

/** Listens on a loopback port; commands are run by this machine's shell. */
export async function testServer(options: ServerOptions): Promise<TestServer> {
  const tried: string[] = [];
  const connections = new Set<Connection>();
  const sockets = new Set<Socket>();
  const hostKeys = options.hostKeys.map((path) => readFileSync(path));
  const server = new ssh2.Server({ hostKeys }, (connection) => {
    connections.add(connection);
    connection.on('error', () => {});
    connection.on('close', () => connections.delete(connection));
    connection.on('authentication', (context) => {
      tried.push(context.method);
      void authenticate(context, options);
    });
    connection.on('session', (accept) => serveSession(accept()));
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      const target = connectTcp(destPort, destIP);
      target.once('error', () => reject());
      target.once('connect', () => {
        const channel = accept();
        channel.on('error', () => {});
        target.pipe(channel).pipe(target);
      });
    });
  });
  // ssh2's types leave out that its server is a net.Server underneath.
  (server as unknown as { _srv: { on(event: 'connection', listener: (socket: Socket) => void): void } })._srv.on(
    'connection',
    (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
  );
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', () => resolve()));
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    tried,
    connections,
    drop,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        drop();
      }),
  };
}

async function authenticate(context: AuthContext, { admit = () => true, methods }: ServerOptions): Promise<void> {
  const refused = (): void => context.reject(methods ?? ['publickey', 'password']);
  if (context.method === 'none' || methods?.includes(context.method as 'password') === false) refused();
  else if (context.method === 'publickey' && context.signature === undefined) context.accept();
  else if (await admit(context)) context.accept();
  else refused();
}

/**
 * Both streams, one chunk at a time. ssh2's server keeps one mark for "stdout or stderr waits for the window" and never forgets the
 * chunk of stdout that waited last: where the two wait together or after one another, that chunk is sent again and stderr hangs.
 */
async function sendAll(channel: ServerChannel, stdout: Readable, stderr: Readable): Promise<void> {
  let turn = Promise.resolve();
  const send = async (from: Readable, to: Writable): Promise<void> => {
    for await (const chunk of from) {
      turn = turn.then(() => new Promise((sent) => to.write(chunk, () => sent())));
      await turn;
      (channel as { _chunk?: Buffer | undefined })._chunk = undefined;
    }
  };
  await Promise.all([send(stdout, channel), send(stderr, channel.stderr)]);
}

function serveSession(session: Session): void {
  session.on('exec', (accept, _reject, { command }) => {
    const channel = accept();
    const child = spawn('/bin/sh', ['-c', command], { detached: true });
    channel.on('error', () => {});
    child.stdin.on('error', () => {});
    channel.pipe(child.stdin);
    const sent = sendAll(channel, child.stdout, child.stderr);
    child.once('close', (code, signal) => {
      void sent.then(() => {
        if (signal === null) channel.exit(code ?? 0);
        else channel.exit(signal);
        channel.end();
      });
    });
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    session.on('signal', kill);
    channel.once('close', kill);
  });
}
