import type { HostFacts } from './types.js';

type Listening = HostFacts['listening'];

/** Output of `ss -H -ltnp`: `LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))`. */
export function parseSs(text: string): Listening {
  return text.split('\n').flatMap((line) => {
    const [state, , , local] = line.trim().split(/\s+/);
    const [, address, port] = /^(.*):(\d+)$/.exec(local ?? '') ?? [];
    if (state !== 'LISTEN' || address === undefined) return [];
    const process = /users:\(\("([^"]*)"/.exec(line)?.[1] ?? '';
    return [{ port: Number(port), address: plain(address), process }];
  });
}

/** /proc/net/tcp and tcp6, where there is no ss: `0: 0100007F:1F90 00000000:0000 0A …`; 0A is LISTEN. */
export function parseProcNetTcp(text: string): Listening {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [hex, port] = local.split(':');
    if (state !== '0A' || hex === undefined || port === undefined) return [];
    return [{ port: Number.parseInt(port, 16), address: addressOf(hex), process: '' }];
  });
}

/** `127.0.0.53%lo` → `127.0.0.53`, `[::]` → `::`, `*` → `::` */
function plain(address: string): string {
  const bare = address.replace(/%[^\]]*/, '').replace(/^\[|\]$/g, '');
  return bare === '*' ? '::' : bare;
}

/** Four-byte words in the host's (little-endian) order. */
function addressOf(hex: string): string {
  if (hex.length === 8) {
    const bytes = hex.match(/../g) ?? [];
    return bytes
      .reverse()
      .map((byte) => Number.parseInt(byte, 16))
      .join('.');
  }
  if (/^0+$/.test(hex)) return '::';
  const words = (hex.match(/.{8}/g) ?? []).map((word) => (word.match(/../g) ?? []).reverse().join(''));
  return (words.join('').match(/.{4}/g) ?? []).join(':').toLowerCase();
}
