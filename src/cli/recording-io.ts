import { createRedactor } from '../logger/index.js';
import type { Io } from './io.js';

/** For tests: a world that keeps what a command wrote. */
export interface RecordingIo extends Io {
  out(): string;
  err(): string;
}

export function recordingIo({
  cwd = process.cwd(),
  env = {},
}: {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
} = {}): RecordingIo {
  const out: string[] = [];
  const err: string[] = [];
  return {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    env,
    cwd,
    interactive: false,
    redactor: createRedactor(),
    out: () => out.join(''),
    err: () => err.join(''),
  };
}
