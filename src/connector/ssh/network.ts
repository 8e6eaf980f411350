import pLimit, { type LimitFunction } from 'p-limit';
import type { SshConnection } from './connection.js';

/** sshd drops new connections at random from the 10th unauthenticated one on (MaxStartups 10:30:100). */
const handshakesPerAddress = 5;
/** Key exchange costs this machine CPU time, and whoever waits for it runs into timeouts. */
const handshakesAtOnce = 32;

/** A bastion's connection, for everybody who goes through it. */
interface SharedBastion {
  readonly connection: Promise<SshConnection>;
  users: number;
}

/** What connections of one process share: limits on handshakes, and the bastions. */
export class SshNetwork {
  readonly #perAddress = new Map<string, LimitFunction>();
  readonly #bastions = new Map<string, SharedBastion>();
  readonly #handshakes = pLimit(handshakesAtOnce);

  /** Runs `connect` when fewer than five others are connecting to the same address. */
  toAddress<T>(address: string, connect: () => Promise<T>): Promise<T> {
    const limit = this.#perAddress.get(address) ?? pLimit(handshakesPerAddress);
    this.#perAddress.set(address, limit);
    return limit(connect);
  }

  handshake<T>(handshake: () => Promise<T>): Promise<T> {
    return this.#handshakes(handshake);
  }

  /** The open connection to a bastion, or a new one. It ends when all who took it have released it. */
  async bastion(
    key: string,
    connect: () => Promise<SshConnection>,
  ): Promise<{ readonly connection: SshConnection; release(): void }> {
    const shared = this.#bastions.get(key) ?? this.#shareBastion(key, connect());
    shared.users += 1;
    const forget = (): void => {
      if (this.#bastions.get(key) === shared) this.#bastions.delete(key);
    };
    let released = false;
    try {
      const connection = await shared.connection;
      const release = (): void => {
        if (released) return;
        released = true;
        shared.users -= 1;
        if (shared.users > 0) return;
        forget();
        connection.end();
      };
      return { connection, release };
    } catch (error) {
      forget();
      throw error;
    }
  }

  #shareBastion(key: string, connection: Promise<SshConnection>): SharedBastion {
    const shared: SharedBastion = { connection, users: 0 };
    this.#bastions.set(key, shared);
    const forget = (): void => {
      if (this.#bastions.get(key) === shared) this.#bastions.delete(key);
    };
    connection.then((open) => open.closed.then(forget), forget);
    return shared;
  }
}

/** All SSH connectors of this process use it: sshd counts connections by machine, not by connector. */
export const processNetwork = new SshNetwork();
