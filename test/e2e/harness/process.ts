import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export interface ProcessResult {
  /** 128 + the signal's number for a process that was killed, as a shell says it. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  readonly logPath: string;
  /** That its `killAfter` came true and the signal was sent. */
  readonly killed: boolean;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Default 10 minutes; the process group is killed then, and the result's exit code is 137. */
  readonly timeoutMs?: number;
  /** Sends a signal (default SIGKILL, to this one process) after a time, when its output matches, or when a question is answered yes. */
  readonly killAfter?: {
    readonly ms?: number;
    readonly output?: RegExp;
    /** Asked every 100 ms. */
    when?(): boolean | Promise<boolean>;
    readonly signal?: NodeJS.Signals;
  };
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Runs a program in a process group of its own. What it prints goes to the log as it comes. It ends when `abort` says so. */
export async function runProcess(
  argv: readonly string[],
  {
    cwd,
    env,
    stdin,
    timeoutMs = 600_000,
    killAfter,
    logPath,
    abort,
  }: ProcessOptions & { logPath: string; abort: AbortSignal },
): Promise<ProcessResult> {
  abort.throwIfAborted();
  const [program = '', ...args] = argv;
  const log = createWriteStream(logPath);
  log.write(`$ ${argv.join(' ')}\n`);
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const killGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  const timers = [setTimeout(killGroup, timeoutMs)];
  abort.addEventListener('abort', killGroup, { once: true });

  let killed = false;
  const kill = () => {
    if (killed || child.exitCode !== null) return;
    killed = true;
    log.write(`[${killAfter?.signal ?? 'SIGKILL'} sent]\n`);
    child.kill(killAfter?.signal ?? 'SIGKILL');
  };
  if (killAfter?.ms !== undefined) timers.push(setTimeout(kill, killAfter.ms));
  let asking = false;
  const { when } = killAfter ?? {};
  if (when !== undefined) {
    const ask = async () => {
      if (asking || killed) return;
      asking = true;
      try {
        if (await when()) kill();
      } catch {
        // Not to be told yet.
      }
      asking = false;
    };
    timers.push(setInterval(() => void ask(), 100));
  }

  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      out[name] += text;
      log.write(text);
      if (killAfter?.output !== undefined && !killed && killAfter.output.test(out[name])) kill();
    });
  }
  child.stdin.on('error', () => {}); // it ended without reading everything
  child.stdin.end(stdin ?? '');
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...end) => resolve(end));
    });
    const ms = performance.now() - startedAt;
    const exitCode = code ?? 128 + ((signal && signalNumbers[signal]) ?? 0);
    log.write(`[exit code ${exitCode} after ${(ms / 1000).toFixed(1)} s]\n`);
    abort.throwIfAborted();
    return { exitCode, signal: signal ?? undefined, ...out, ms, logPath, killed };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    abort.removeEventListener('abort', killGroup);
    log.end();
    await finished(log);
  }
}
