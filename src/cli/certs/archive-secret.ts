import { KubexmError } from '../../errors/index.js';
import { resolveSecret, type Secret } from '../../secrets/index.js';
import { type Io, note } from '../io.js';
import { askSecret } from '../prompt.js';

/** `from`: `env:NAME` or `file:PATH`; absent: somebody is asked. `again`: twice, so that a slip of the hand is no loss. */
export async function archivePassphrase(
  io: Io,
  { from, again = false }: { readonly from: string | undefined; readonly again?: boolean },
): Promise<Secret> {
  const title = 'passphrase of the archive';
  const warn = (message: string) => note(io, message);
  const known = (secret: Secret) => {
    io.redactor.add(secret);
    return secret;
  };
  if (from !== undefined) {
    const [kind, name] = [from.slice(0, from.indexOf(':')), from.slice(from.indexOf(':') + 1)];
    if (kind === 'env') return known(await resolveSecret({ env: name }, { title, warn, env: io.env }));
    if (kind === 'file') return known(await resolveSecret({ file: name }, { title, warn }));
    throw new KubexmError('USAGE', '--passphrase-from takes env:NAME or file:PATH', {
      hint: '--passphrase-from file:/root/.pki-passphrase',
    });
  }
  if (!io.interactive) {
    throw new KubexmError('USAGE', 'the archive needs a passphrase, and nobody can be asked here', {
      hint: '--passphrase-from env:NAME or file:PATH; or, with age: --recipient age1… and --identity FILE',
    });
  }
  const secret = known(await resolveSecret({ prompt: true }, { title, prompt: askSecret }));
  if (again && (await askSecret('the same again')) !== secret.reveal())
    throw new KubexmError('USAGE', 'the two passphrases differ; nothing was written');
  return secret;
}
