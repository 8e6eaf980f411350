import type { Connector, ExecResult, Shell } from '../connector/index.js';
import { KubexmError } from '../errors/index.js';
import type { Secret } from '../secrets/index.js';

/** How commands become root on a host. `never`: they stay with the login user. */
export type Elevation =
  | { readonly type: 'root' }
  | { readonly type: 'never' }
  | { readonly type: 'passwordless' }
  | { readonly type: 'password'; readonly password: Secret };

/** What the connector is given; without a shell it is the login user's. */
export interface ElevatedCommand {
  readonly text: string;
  readonly shell?: Shell;
}

/** sudo's secure_path lacks /usr/local/bin on Red Hat's, and a login's PATH lacks sbin on Debian's. */
const environment =
  'LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; export LC_ALL PATH';

/** Asks the host which way works; at most two commands. Throws SUDO_FAILED, not to be retried. */
export async function decideElevation(connector: Connector, password: Secret | undefined): Promise<Elevation> {
  const probe = await connector.exec(
    `if [ "$(id -u)" = 0 ]; then echo root; elif ! command -v sudo >/dev/null 2>&1; then echo missing; ` +
      'elif sudo -k -n sh -c : </dev/null >/dev/null 2>&1; then echo passwordless; else echo password; fi',
  );
  const way = probe.stdout.trim();
  switch (way) {
    case 'root':
      return { type: 'root' };
    case 'passwordless':
      return { type: 'passwordless' };
    case 'missing':
      throw sudoFailed(
        connector.name,
        'the login user is not root, and sudo is not installed',
        'install sudo, or log in as root',
      );
    case 'password':
      return withPassword(connector, password);
    default:
      throw new KubexmError('SUDO_FAILED', `cannot tell how to become root on ${connector.name}`, {
        details: tail(probe),
      });
  }
}

/** The whole command, so that redirections and pipes are root's, too. */
export function elevate(elevation: Elevation, command: string): ElevatedCommand {
  const text = `${environment}\n${command}`;
  switch (elevation.type) {
    case 'root':
    case 'never':
      return { text };
    case 'passwordless':
      return { text, shell: { prefix: 'sudo -n -H --' } };
    case 'password':
      // -k: a password that sudo does not ask for would become the command's stdin.
      return { text, shell: { prefix: "sudo -k -S -H -p '' --", before: `${elevation.password.reveal()}\n` } };
  }
}

async function withPassword(connector: Connector, password: Secret | undefined): Promise<Elevation> {
  const { name } = connector;
  if (password === undefined) {
    throw sudoFailed(
      name,
      'sudo asks for a password and none was given',
      'give sudoPassword in the config, or allow sudo without password',
    );
  }
  const { text, shell } = elevate({ type: 'password', password }, ':');
  // On a channel of its own: its exit code is sudo's.
  const tried = await connector.exec(text, { ...(shell === undefined ? {} : { shell }), ownChannel: true });
  if (tried.exitCode === 0) return { type: 'password', password };
  const lines = tail(tried).map((line) => line.replaceAll(password.reveal(), '***'));
  const allowed = !/not (in the sudoers|allowed)|may not run/i.test(tried.stderr);
  throw allowed
    ? sudoFailed(name, 'sudo refused the password', 'check the password: ssh to the host, then sudo -k true', lines)
    : sudoFailed(
        name,
        'the login user may not use sudo',
        'add it to the group sudo (Debian) or wheel (Red Hat)',
        lines,
      );
}

function sudoFailed(name: string, because: string, hint: string, details: readonly string[] = []): KubexmError {
  return new KubexmError('SUDO_FAILED', `cannot become root on ${name}: ${because}`, {
    hint,
    details,
    retryable: false,
  });
}

function tail({ stderr, stdout }: ExecResult): string[] {
  return (stderr || stdout)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-10);
}
