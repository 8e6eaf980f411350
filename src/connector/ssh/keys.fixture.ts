import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';

/** A private key in a file of its own. */
export interface TestKey {
  readonly path: string;
  /** Its line for authorized_keys and, behind a host name, for known_hosts. */
  readonly publicKey: string;
}

/** Makes a key below `directory`, encrypted where a passphrase is given. */
export async function testKey(
  directory: string,
  name: string,
  { type = 'ecdsa', passphrase }: { type?: 'ecdsa' | 'rsa'; passphrase?: string } = {},
): Promise<TestKey> {
  const encryption = passphrase === undefined ? {} : { passphrase, cipher: 'aes-256-cbc' };
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
  // node's generator: now and then, one of ssh2's keys is refused by OpenSSH.
  const { privateKey } =
    type === 'ecdsa'
      ? generateKeyPairSync('ec', {
          namedCurve: 'P-256',
          publicKeyEncoding,
          privateKeyEncoding: { type: 'sec1', format: 'pem', ...encryption },
        })
      : generateKeyPairSync('rsa', {
          modulusLength: 2048,
          publicKeyEncoding,
          privateKeyEncoding: { type: 'pkcs1', format: 'pem', ...encryption },
        });
  const path = join(directory, name);
  await writeFile(path, privateKey, { mode: 0o600 });
  const parsed = ssh2.utils.parseKey(privateKey, passphrase);
  if (parsed instanceof Error) throw parsed;
  return { path, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}` };
}
