export { Secret, type SecretSource } from './secret.js';
