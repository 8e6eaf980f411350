export { allOf, quote, type ShellCommand, script, sh } from './shell.js';
export type * from './types.js';
