import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { exitCodes, KubexmError } from '../errors/index.js';
import { colorsWanted, createStyle, type Style } from '../logger/style.js';
import { type Io, note, printJson } from './io.js';
import { versionNumber } from './version-number.js';

/** DESIGN's exit codes: those of the catalogue, and 1 for what nobody expected. */
export function exitCodeOf(error: Error): number {
  return error instanceof KubexmError ? exitCodes[error.code] : 1;
}

/** The one place where errors are shown. With `json` the result on stdout is the error as data. */
export async function reportError(
  error: Error,
  { io, debug, json }: { io: Io; debug: boolean; json: boolean },
): Promise<void> {
  const style = createStyle(colorsWanted(io.env, io.stderr.isTTY === true));
  if (error instanceof KubexmError) {
    note(io, renderError(error, { style, debug }));
    if (json)
      printJson(io, { error: { code: error.code, message: error.message, hint: error.hint, details: error.details } });
    return;
  }
  const crash = writeCrash(error, io);
  note(io, renderBug(error, { style, debug, paths: [io.logPath, crash].filter((path) => path !== undefined) }));
  if (json) printJson(io, { error: { code: 'INTERNAL', message: error.message, details: [] } });
}

/** What failed, the details that came with it, and what to do next. */
export function renderError(error: KubexmError, { style, debug }: { style: Style; debug: boolean }): string {
  const lines = [`${style.red('✖')} ${style.bold(error.message)} ${style.dim(`[${error.code}]`)}`];
  for (const detail of error.details) lines.push(...detail.split('\n').map((line) => `  ${line}`));
  if (error.hint !== undefined) lines.push(`${style.cyan('Next:')} ${error.hint}`);
  if (debug) lines.push(style.dim(stackOf(error)));
  return lines.join('\n');
}

function renderBug(
  error: Error,
  { style, debug, paths }: { style: Style; debug: boolean; paths: readonly string[] },
): string {
  const lines = [
    `${style.red('✖')} ${style.bold(`unexpected error: ${error.message}`)}`,
    '  This is a bug in kubexm. Please report it, with what is in:',
  ];
  lines.push(...paths.map((path) => `    ${path}`));
  lines.push(`${style.cyan('Next:')} run the same command again: what is done already is found and left as it is`);
  if (debug) lines.push(style.dim(stackOf(error)));
  return lines.join('\n');
}

/** The stack with the chain of causes. */
function stackOf(error: Error): string {
  return inspect(error, { depth: 6 });
}

function writeCrash(error: Error, io: Io): string | undefined {
  try {
    const path = join(mkdtempSync(join(tmpdir(), 'kubexm-crash-')), 'crash.log');
    const text = `kubexm ${versionNumber}, node ${process.version}, ${process.platform} ${process.arch}\n${process.argv.slice(2).join(' ')}\n\n${stackOf(error)}\n`;
    writeFileSync(path, io.redactor.redact(text), { mode: 0o600 });
    return path;
  } catch {
    return undefined; // the error itself matters more than its file
  }
}
