export { generateCACert } from './ca-cert.js';
export { fileDigest } from './digest.js';
export { generateKeyPair } from './key-pair.js';
export { generateKubeconfig } from './kubeconfig.js';
export type * from './params.js';
export { type CertificatesReport, readCertificates } from './read-certificates.js';
export { generateSignedCert } from './signed-cert.js';
export { generateToken } from './token.js';
