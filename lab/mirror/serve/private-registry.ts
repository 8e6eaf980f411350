import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../../hosts/command.js';
import { cachedDirectory } from '../build/cache.js';

/** The same images as in the open registry, for those who log in, over TLS that only a CA of the lab's own vouches for. */
export interface PrivateRegistry {
  /** `https://10.99.0.1:5443` */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** The password alone, as a config may refer to it; mode 0600. */
  readonly passwordFile: string;
  /** PEM of the CA. No host trusts it by itself. */
  readonly caFile: string;
}

const username = 'kubexm';
/** For machines that nothing outside of this one can reach. */
const password = 'kubexm-lab-registry';
/** Of the password: the registry reads no other kind of hash, and Node.js cannot make this one. */
export const passwordHash = '$2b$05$kubexmLabRegistryLab1uZ4yHq1V9ZYwqP2nc4MbTXUy83Td9UhW';

/** Where it is and how to get in; its files are there while the mirror runs. */
export function privateRegistry(address: string, stateDir: string): PrivateRegistry {
  const file = (name: string) => join(directoryOf(stateDir), name);
  return { url: `https://${address}`, username, password, passwordFile: file('password'), caFile: file('ca.pem') };
}

/** Makes the CA, the server's certificate and the files of the login, unless they are there. */
export async function ensurePrivateRegistryFiles(address: string, stateDir: string): Promise<void> {
  const directory = directoryOf(stateDir);
  if (existsSync(directory)) return;
  await mkdir(stateDir, { recursive: true });
  await cachedDirectory(directory, async (temporary) => {
    const file = (name: string) => join(temporary, name);
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '3650'];
    const request = ['openssl', 'req', '-x509', ...newKey];
    const ca = ['-keyout', file('ca-key.pem'), '-out', file('ca.pem'), '-subj', '/CN=kubexm lab private CA'];
    await mustRun([...request, ...ca, '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
    const ip = address.slice(0, address.lastIndexOf(':'));
    const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem')];
    const server = ['-keyout', file('server-key.pem'), '-out', file('server.pem'), '-subj', `/CN=${ip}`];
    const extensions = [`subjectAltName=IP:${ip}`, 'basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=serverAuth'];
    await mustRun([...request, ...signed, ...server, ...extensions.flatMap((one) => ['-addext', one])]);
    await writeFile(file('password'), `${password}\n`, { mode: 0o600 });
    await writeFile(file('htpasswd'), `${username}:${passwordHash}\n`, { mode: 0o600 });
  });
}

/** What the open registry's configuration has besides. */
export function privateRegistryConfig(open: { readonly http: object }, address: string, stateDir: string): object {
  const file = (name: string) => join(directoryOf(stateDir), name);
  return {
    ...open,
    http: { ...open.http, addr: address, tls: { certificate: file('server.pem'), key: file('server-key.pem') } },
    auth: { htpasswd: { realm: 'kubexm-lab', path: file('htpasswd') } },
  };
}

function directoryOf(stateDir: string): string {
  return join(stateDir, 'private-registry');
}
