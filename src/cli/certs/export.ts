import { resolve } from 'node:path';
import { plural } from '../../logger/index.js';
import { exportPki } from '../../runtime/pki-archive.js';
import type { CommonOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';
import { loadConfig } from '../load.js';
import { withRuntime } from '../session.js';
import { archivePassphrase } from './archive-secret.js';

interface ExportOptions extends CommonOptions {
  readonly recipient?: string;
  readonly passphraseFrom?: string;
}

/** `kubexm certs export FILE` */
export async function run({ options, args: [file = ''], io }: Invocation<ExportOptions>): Promise<void> {
  const cluster = await loadConfig(options.config, io);
  const { name } = cluster.metadata;
  const path = resolve(io.cwd, file);
  const recipients = options.recipient?.split(',').map((each) => each.trim());
  const lock =
    recipients === undefined
      ? { passphrase: await archivePassphrase(io, { from: options.passphraseFrom, again: true }) }
      : { recipients };
  // Nothing may be half renewed in what is put away.
  await withRuntime({ cluster, io, exclusive: true }, async ({ workDirs }) => {
    const { ca } = cluster.spec.certs;
    const isKeyless = ca !== undefined && ca.keyFile === undefined;
    const files = await exportPki({ workDirs, cluster: name, path, lock, isKeyless });
    if (options.output === 'json') return printJson(io, { cluster: name, path, files });
    print(io, `${plural(files.length, 'file')} of cluster ${name} are in ${path}, encrypted.`);
    note(io, `Keep it away from this machine. Next: kubexm certs import ${file}`);
  });
}
