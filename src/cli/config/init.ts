import { writeFile } from 'node:fs/promises';
import { clusterTemplate } from '../../config/index.js';
import { asError, KubexmError } from '../../errors/index.js';
import type { ChangeOptions, Invocation } from '../command-spec.js';
import { note, print, printJson } from '../io.js';

interface InitOptions extends ChangeOptions {
  readonly write?: boolean;
}

/** `kubexm config init` */
export async function run({ options, io }: Invocation<InitOptions>): Promise<void> {
  const text = clusterTemplate();
  if (options.write !== true) {
    if (options.output === 'json') printJson(io, { template: text });
    else print(io, text);
    return;
  }
  if (options.dryRun) return note(io, `would write ${options.config}`);
  await writeFile(options.config, text, { flag: options.yes ? 'w' : 'wx' }).catch((thrown: unknown) => {
    const cause = asError(thrown);
    if (!('code' in cause && cause.code === 'EEXIST'))
      throw new KubexmError('USAGE', `cannot write ${options.config}: ${cause.message}`, { cause });
    throw new KubexmError('GUARD_REFUSED', `${options.config} exists already`, {
      hint: 'name another file with -f, or replace it with --yes',
    });
  });
  if (options.output === 'json') printJson(io, { file: options.config });
  else note(io, `Wrote ${options.config}.\nNext: edit its hosts, then: kubexm config validate -f ${options.config}`);
}
