export { type FakeCommand, type FakeReply, type FakeScript, fakeConnector } from './fake.js';
export { localConnector } from './local.js';
export { fingerprint } from './ssh/known-hosts.js';
export type { FirstUse, KnownHosts, SshEndpoint, SshLogin, SshOptions } from './ssh/options.js';
export { sshConnector } from './ssh/ssh.js';
export type * from './types.js';
