import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';
import { asError, KubexmError } from '../../errors/index.js';
import { SshConnection } from './connection.js';
import { checkHostKey, type KnownKey, knownKeys } from './known-hosts.js';
import { type LoginAttempt, loginAttempt } from './login.js';
import type { SshNetwork } from './network.js';
import { type FirstUse, type KnownHosts, type SshTarget, targetText } from './options.js';

export interface ConnectContext {
  readonly network: SshNetwork;
  readonly knownHosts: KnownHosts;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly onFirstUse: ((use: FirstUse) => void) | undefined;
}

/** Connects, through bastions where there are, checks the host key and logs in. */
export async function connectSsh(target: SshTarget, context: ConnectContext): Promise<SshConnection> {
  const address = `${target.address}:${target.port}`;
  return context.network.toAddress(address, async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await connectOnce(target, context);
      } catch (error) {
        if (!(error instanceof DroppedBeforeHandshake)) throw error;
        if (attempt === 3) throw unreachableHost(target, error.message, error);
        // sshd drops connections at random when many come at once.
        await new Promise((resolve) => setTimeout(resolve, 200 * attempt * (1 + Math.random())));
      }
    }
  });
}

const droppedText = 'the connection was closed before SSH was ready';

class DroppedBeforeHandshake extends Error {}

async function connectOnce(target: SshTarget, context: ConnectContext): Promise<SshConnection> {
  // Keys first: a missing one is no matter of the network.
  const [login, known] = await Promise.all([loginAttempt(target), knownKeys(context.knownHosts, target)]);
  const { socket, release } = await openSocket(target, context);
  try {
    return await context.network.handshake(() => handshake({ target, socket, context, login, known }, release));
  } catch (error) {
    socket.destroy();
    release();
    throw error;
  }
}

interface OpenSocket {
  readonly socket: Duplex;
  readonly release: () => void;
}

async function openSocket(target: SshTarget, context: ConnectContext): Promise<OpenSocket> {
  const { bastion } = target;
  if (bastion === undefined) return { socket: await tcpSocket(target, context.connectTimeoutMs), release: () => {} };
  const shared = await context.network.bastion(bastionKey(bastion), () => connectSsh(bastion, context));
  try {
    return {
      socket: await forwardedSocket(target, shared.connection, context.connectTimeoutMs),
      release: shared.release,
    };
  } catch (error) {
    shared.release();
    throw error;
  }
}

function tcpSocket(target: SshTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Without noDelay, Nagle's algorithm makes small exchanges ten times slower.
    const socket = connectTcp({ host: target.address, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(unreachableHost(target, `no answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(unreachableHost(target, causeText(error), error));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

function forwardedSocket(target: SshTarget, bastion: SshConnection, timeoutMs: number): Promise<Duplex> {
  const via = `from the bastion ${bastion.target.name} (${targetText(bastion.target)})`;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(unreachableHost(target, `no answer within ${timeoutMs / 1000} s ${via}`));
    }, timeoutMs);
    void bastion.closed.then(() => reject(bastion.lost()));
    bastion.client.forwardOut('127.0.0.1', 0, target.address, target.port, (error, channel) => {
      clearTimeout(timer);
      if (error) reject(unreachableHost(target, `${error.message} ${via}`, error));
      else resolve(channel);
    });
  });
}

const leastLoginMs = 10_000;

interface Handshake {
  readonly target: SshTarget;
  readonly socket: Duplex;
  readonly context: ConnectContext;
  readonly login: LoginAttempt;
  readonly known: readonly KnownKey[];
}

async function handshake(
  { target, socket, context, login, known }: Handshake,
  onClosed: () => void,
): Promise<SshConnection> {
  const { default: ssh2 } = await import('ssh2');
  // It may have been closed while it waited for its turn: no event would tell any more.
  if (socket.destroyed) throw new DroppedBeforeHandshake(droppedText);
  const client = new ssh2.Client();
  let keyExchanged = false;
  let refusedKey: Error | undefined;
  let keyAccepted = (): void => {};
  const config: ConnectConfig = {
    sock: socket,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: context.keepaliveMs,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: hostKeyOrder(known, target.hostKey) },
    authHandler: login.handler,
    hostVerifier: (key: Buffer, verify: (accepted: boolean) => void) => {
      keyExchanged = true;
      checkHostKey(key, target, context.knownHosts, known, context.onFirstUse).then(
        () => {
          keyAccepted();
          verify(true);
        },
        (error: unknown) => {
          refusedKey = asError(error);
          verify(false);
        },
      );
    },
  };
  return new Promise((resolve, reject) => {
    const giveUp = (what: string, timeoutMs: number) =>
      setTimeout(
        () => fail(unreachableHost(target, `it accepted the connection, but ${what} within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
    let timer = giveUp('SSH was not ready', context.connectTimeoutMs);
    // sshd answers a wrong password late on purpose: such a refusal must not look like a host that is down.
    keyAccepted = () => {
      clearTimeout(timer);
      const timeoutMs = Math.max(context.connectTimeoutMs, leastLoginMs);
      timer = giveUp('the login was not answered', timeoutMs);
    };
    const fail = (error: Error): void => {
      clearTimeout(timer);
      client.destroy();
      reject(error);
    };
    client.on('error', (error) => {
      const level = 'level' in error ? error.level : undefined;
      if (refusedKey) fail(refusedKey);
      else if (level === 'client-authentication') fail(login.refusal());
      else
        fail(
          keyExchanged
            ? unreachableHost(target, causeText(error), error)
            : new DroppedBeforeHandshake(causeText(error)),
        );
    });
    client.once('close', () => {
      fail(
        keyExchanged ? (refusedKey ?? unreachableHost(target, droppedText)) : new DroppedBeforeHandshake(droppedText),
      );
    });
    client.once('ready', () => {
      // A later exchange of keys asks for the host key again.
      keyAccepted = () => {};
      clearTimeout(timer);
      client.removeAllListeners('error').removeAllListeners('close');
      resolve(new SshConnection(target, client, onClosed));
    });
    client.connect(config);
  });
}

/** Known types first, so that the host shows the key that we can check. */
function hostKeyOrder(known: readonly KnownKey[], pinned: string | undefined): ServerHostKeyAlgorithm[] {
  const all: ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-rsa',
  ];
  const types = new Set(known.filter((line) => !line.revoked).map((line) => line.keyType));
  const pinnedType = pinned?.startsWith('SHA256:') === true ? undefined : pinned?.trim().split(/\s+/)[0];
  const preferred = (algorithm: string): boolean => {
    const type = algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm;
    return pinnedType === undefined ? types.has(type) : type === pinnedType;
  };
  return [...all.filter(preferred), ...all.filter((algorithm) => !preferred(algorithm))];
}

function bastionKey({ user, address, port, bastion }: SshTarget): string {
  return `${user}@${address}:${port}${bastion === undefined ? '' : ` via ${bastionKey(bastion)}`}`;
}

function unreachableHost(target: SshTarget, because: string, cause?: Error): KubexmError {
  const { name, address, port } = target;
  return new KubexmError('HOST_UNREACHABLE', `${name} (${address}:${port}) cannot be reached: ${because}`, {
    hint: `is it up, and is the address right? try: ssh -p ${port} ${target.user}@${address}`,
    cause,
  });
}

function causeText(error: Error): string {
  const first = error instanceof AggregateError ? asError(error.errors[0]) : error;
  switch ((first as NodeJS.ErrnoException).code) {
    case 'ECONNREFUSED':
      return 'connection refused, nothing listens on this port';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name cannot be resolved';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no route to it';
    case 'ECONNRESET':
      return 'the connection was reset';
    default:
      return first.message;
  }
}
