import { randomBytes } from 'node:crypto';
import { KubexmError } from '../../errors/index.js';
import { interruptible } from '../interruption.js';
import { commandLine, completed, type RunningCommand } from '../running-command.js';
import { ShellSession } from '../shell-session.js';
import type { Shell } from '../types.js';
import type { SshConnection } from './connection.js';

interface ShellOptions {
  readonly shell?: Shell | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Shells beyond these would leave too few channels for long commands and uploads. */
const maxShells = 4;

/** Hands out the channels of one connection: some as persistent shells, the others for one command each. */
export class ChannelPool {
  readonly #connection: SshConnection;
  readonly #idle: { readonly prefix: string | undefined; readonly session: ShellSession }[] = [];
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #used = 0;
  #shells = 0;

  constructor(connection: SshConnection, limit: number) {
    this.#connection = connection;
    this.#limit = limit;
    void connection.closed.then(() => this.#wake());
  }

  /** Runs one command on a channel, which is given back when the command ends. */
  async start(command: string | undefined, { shell, signal }: ShellOptions): Promise<RunningCommand> {
    const mark = `KUBEXM_CHANNEL=${randomBytes(8).toString('hex')}`;
    const running = await this.#open(commandLine(command, shell, mark), signal);
    const kill = async (): Promise<void> => {
      await running.kill();
      await this.#sweep(mark, shell);
    };
    return { ...running, kill };
  }

  /** Kills what has the mark in its environment: all that a channel's command started, wherever that went. */
  async #sweep(mark: string, shell: Shell | undefined): Promise<void> {
    if (!this.#connection.open) return;
    const kill = `kill -9 $(grep -alsF ${mark} /proc/[0-9]*/environ | cut -d/ -f3) 2>/dev/null`;
    const running = await this.#open(commandLine(kill, shell), undefined);
    await completed(this.#connection.target.name, running, shell === undefined ? {} : { shell });
  }

  async #open(line: string, signal: AbortSignal | undefined): Promise<RunningCommand> {
    for (;;) {
      await this.#slot(signal);
      try {
        const running = await this.#connection.start(line);
        const over = (): void => this.#release();
        running.exitCode.then(over, over);
        return running;
      } catch (error) {
        this.#release();
        if (!isTooManySessions(error) || this.#used === 0) throw this.#explained(error);
        this.#limit = Math.min(this.#limit, this.#used);
      }
    }
  }

  /** Runs `use` with a shell that nobody else has meanwhile. */
  async withShell<T>({ shell, signal }: ShellOptions, use: (session: ShellSession) => Promise<T>): Promise<T> {
    const session = await this.#session({ shell, signal });
    try {
      return await use(session);
    } finally {
      if (session.alive) this.#idle.push({ prefix: shell?.prefix, session });
      this.#wake();
    }
  }

  async #session({ shell, signal }: ShellOptions): Promise<ShellSession> {
    for (;;) {
      if (!this.#connection.open) throw this.#connection.lost();
      const at = this.#idle.findLastIndex(({ prefix }) => prefix === shell?.prefix);
      const [idle] = at === -1 ? [] : this.#idle.splice(at, 1);
      if (idle?.session.alive === true) return idle.session;
      if (idle) continue;
      if (this.#shells < Math.min(maxShells, this.#limit)) return this.#newSession({ shell, signal });
      this.#idle.shift()?.session.close();
      await this.#change(signal);
    }
  }

  async #newSession({ shell, signal }: ShellOptions): Promise<ShellSession> {
    this.#shells += 1;
    const over = (): void => {
      this.#shells -= 1;
      this.#wake();
    };
    try {
      const running = await this.start(undefined, { shell, signal });
      running.exitCode.then(over, over);
      if (shell?.before !== undefined) running.stdin.write(shell.before);
      return new ShellSession(this.#connection.target.name, running);
    } catch (error) {
      over();
      throw error;
    }
  }

  async #slot(signal: AbortSignal | undefined): Promise<void> {
    while (this.#used >= this.#limit) {
      if (!this.#connection.open) throw this.#connection.lost();
      // An idle shell gives way; its channel comes back when it has ended.
      this.#idle.shift()?.session.close();
      await this.#change(signal);
    }
    this.#used += 1;
  }

  #release(): void {
    this.#used -= 1;
    this.#wake();
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    const change = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    return interruptible(this.#connection.target.name, change, { signal });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #explained(error: unknown): unknown {
    if (error instanceof KubexmError || !this.#connection.open)
      return error instanceof KubexmError ? error : this.#connection.lost();
    const { name } = this.#connection.target;
    return new KubexmError('HOST_UNREACHABLE', `${name} refuses to open a session: ${String(error)}`, {
      hint: `see MaxSessions and ForceCommand in sshd_config of ${name}`,
      cause: error,
    });
  }
}

/** sshd answers "open failed" beyond its MaxSessions. */
function isTooManySessions(error: unknown): boolean {
  return error instanceof Error && !(error instanceof KubexmError) && /open fail/i.test(error.message);
}
