export { diskFull } from './failures.js';
export type { FakeFile, FakeFileInit } from './fake-files.js';
export {
  type FakeAnswer,
  type FakeCall,
  type FakeFault,
  type FakeHost,
  type FakeHostOptions,
  fakeHost,
} from './fake-host.js';
export { createRunner, type RunnerOptions } from './runner.js';
export { allOf, quote, type ShellCommand, script, sh } from './shell.js';
export type * from './types.js';
