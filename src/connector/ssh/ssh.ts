import { atMost, cancelled, connectorClosed, interruptible } from '../interruption.js';
import { assertReadableFile, completed, downloaded, uploaded } from '../running-command.js';
import { fitsSession } from '../shell-session.js';
import type { Connector, DownloadOptions, ExecOptions, ExecResult, TransferOptions } from '../types.js';
import { ChannelPool } from './channel-pool.js';
import { connectSsh } from './connect.js';
import type { SshConnection } from './connection.js';
import { processNetwork } from './network.js';
import type { SshOptions } from './options.js';
import { resolveTarget } from './ssh-config.js';

/** A connector that connects on first use, and again where the connection was lost meanwhile. */
export function sshConnector(options: SshOptions): Connector {
  return new SshConnector(options);
}

interface Channels {
  readonly connection: SshConnection;
  readonly pool: ChannelPool;
}

class SshConnector implements Connector {
  readonly name: string;
  readonly #options: SshOptions;
  #channels: Promise<Channels> | undefined;
  #closed = false;

  constructor(options: SshOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const pool = await this.#pool(options.signal);
    if (fitsSession(command, options)) {
      return this.#unlessClosed(pool.withShell(options, (shell) => shell.run(command, options)));
    }
    const running = await this.#unlessClosed(pool.start(command, options));
    return this.#unlessClosed(completed(this.name, running, options));
  }

  async upload(localPath: string, command: string, options: TransferOptions = {}): Promise<ExecResult> {
    await assertReadableFile(localPath);
    const pool = await this.#pool(options.signal);
    const running = await this.#unlessClosed(pool.start(command, options));
    return this.#unlessClosed(uploaded(this.name, running, localPath, options));
  }

  async download(command: string, localPath: string, options: DownloadOptions = {}): Promise<ExecResult> {
    const pool = await this.#pool(options.signal);
    const running = await this.#unlessClosed(pool.start(command, options));
    return this.#unlessClosed(downloaded(this.name, running, localPath, options));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const channels = await this.#channels?.catch(() => undefined);
    if (!channels) return;
    channels.connection.end();
    await atMost(channels.connection.closed, 1000);
    if (channels.connection.open) channels.connection.destroy();
  }

  async #pool(signal: AbortSignal | undefined): Promise<ChannelPool> {
    if (this.#closed) throw connectorClosed(this.name);
    if (signal?.aborted) throw cancelled(this.name);
    const known = await this.#current(signal);
    if (known?.connection.open === true) return known.pool;
    // The first to notice reconnects, the others wait with it.
    if (this.#channels === undefined) this.#channels = this.#connect();
    const channels = await this.#unlessClosed(interruptible(this.name, this.#channels, { signal }));
    return channels.pool;
  }

  async #current(signal: AbortSignal | undefined): Promise<Channels | undefined> {
    const current = this.#channels;
    if (!current) return undefined;
    const channels = await interruptible(this.name, current, { signal });
    if (!channels.connection.open && this.#channels === current) this.#channels = undefined;
    return channels;
  }

  async #connect(): Promise<Channels> {
    const { knownHosts, connectTimeoutMs = 10_000, keepaliveMs = 10_000, maxChannels = 8, onFirstUse } = this.#options;
    try {
      const target = await resolveTarget(this.#options);
      const context = { network: processNetwork, knownHosts, connectTimeoutMs, keepaliveMs, onFirstUse };
      const connection = await connectSsh(target, context);
      return { connection, pool: new ChannelPool(connection, maxChannels) };
    } catch (error) {
      this.#channels = undefined;
      throw error;
    }
  }

  async #unlessClosed<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      throw this.#closed ? connectorClosed(this.name) : error;
    }
  }
}
