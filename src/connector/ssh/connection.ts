import { constants } from 'node:os';
import type { Client, ClientChannel } from 'ssh2';
import { KubexmError } from '../../errors/index.js';
import type { RunningCommand } from '../running-command.js';
import { type SshTarget, targetText } from './options.js';

/** An authenticated connection to one machine. */
export class SshConnection {
  readonly target: SshTarget;
  readonly client: Client;
  /** Settles when it is over, for whatever reason. */
  readonly closed: Promise<void>;
  #open = true;
  #failure: Error | undefined;

  constructor(target: SshTarget, client: Client, onClosed: () => void) {
    this.target = target;
    this.client = client;
    client.on('error', (error) => {
      this.#failure ??= error;
    });
    client.once('end', () => {
      this.#open = false;
    });
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#open = false;
        onClosed();
        resolve();
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** What a command fails with when the connection ends under it. */
  lost(): KubexmError {
    const { name } = this.target;
    const because = this.#failure === undefined ? 'the host closed it' : this.#failure.message;
    return new KubexmError(
      'HOST_UNREACHABLE',
      `lost the connection to ${name} (${targetText(this.target)}): ${because}`,
      {
        hint: `was ${name} restarted, or its network? run the same command again`,
        cause: this.#failure,
      },
    );
  }

  /** Starts a command on a channel of its own. Fails with ssh2's error where the channel cannot be had. */
  start(command: string): Promise<RunningCommand> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(this.lost());
        return;
      }
      this.client.exec(command, (error, channel) => {
        if (error) reject(error);
        else resolve(this.#running(channel));
      });
    });
  }

  end(): void {
    if (this.#open) this.client.end();
  }

  /** For a connection whose other side may no longer answer. */
  destroy(): void {
    this.client.destroy();
  }

  #running(channel: ClientChannel): RunningCommand {
    let status: number | undefined;
    channel.once('exit', (code: number | null, signal?: string) => {
      status = code ?? 128 + signalNumber(signal);
    });
    const exitCode = new Promise<number>((resolve, reject) => {
      channel.once('close', () => {
        if (status === undefined) reject(this.#open ? noExitStatus(this.target) : this.lost());
        else resolve(status);
      });
    });
    exitCode.catch(() => {}); // a killed command has nobody waiting
    const kill = async (): Promise<void> => {
      // sshd passes the signal on to the whole process group, but not for root before OpenSSH 9.8, and not to what sudo runs.
      channel.signal('KILL');
      channel.close();
      channel.resume();
      channel.stderr.resume();
    };
    return { stdin: channel, stdout: channel, stderr: channel.stderr, exitCode, kill };
  }
}

function signalNumber(signal: string | undefined): number {
  const name = `SIG${(signal ?? '').replace(/^SIG/, '')}`;
  return (constants.signals as Readonly<Record<string, number>>)[name] ?? 0;
}

function noExitStatus(target: SshTarget): KubexmError {
  return new KubexmError('HOST_UNREACHABLE', `${target.name} ended a command without telling its exit code`, {
    hint: 'is the host shutting down, or sshd being restarted?',
  });
}
