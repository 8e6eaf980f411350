export { type ResolveOptions, resolveSecret } from './resolve.js';
export { type SecretResolver, secretResolver } from './resolver.js';
export { Secret, type SecretSource } from './secret.js';
