import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { AnyAuthMethod, AuthHandlerMiddleware, ParsedKey } from 'ssh2';
import { asError, KubexmError } from '../../errors/index.js';
import type { SshLogin, SshTarget } from './options.js';
import { targetText } from './options.js';
import { expandHome } from './ssh-config.js';

/** Answers ssh2's question for the next method, and keeps what is needed to explain a refusal. */
export interface LoginAttempt {
  readonly handler: AuthHandlerMiddleware;
  refusal(): KubexmError;
}

/** Reads the keys first: SSH_KEY_FILE before anything is sent. */
export async function loginAttempt(target: SshTarget): Promise<LoginAttempt> {
  const methods = await allMethods(target);
  let accepted: readonly string[] = [];
  return {
    handler(methodsLeft, _partialSuccess, next) {
      accepted = methodsLeft ?? accepted;
      const method = nextMethod(methods, methodsLeft);
      // ssh2 takes false for "no more", which its types do not say.
      (next as (method: AnyAuthMethod | false) => void)(method ?? false);
    },
    refusal: () => refusal(target, accepted),
  };
}

/** Of several logins, which nobody asked for by name, the unusable ones are passed over. */
async function allMethods(target: SshTarget): Promise<AnyAuthMethod[]> {
  const found = await Promise.allSettled(target.logins.map((login) => methodsOf(login, target)));
  const methods = found.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  const failure = found.find((outcome) => outcome.status === 'rejected');
  if (methods.length === 0 && failure) throw failure.reason;
  return methods;
}

function nextMethod(methods: AnyAuthMethod[], methodsLeft: readonly string[] | null): AnyAuthMethod | undefined {
  for (;;) {
    const method = methods.shift();
    if (method === undefined) return undefined;
    // Where the password itself was refused, asking for it in another way only costs time and login attempts.
    if (method.type === 'keyboard-interactive' && methodsLeft?.includes('password') === true) continue;
    const name = method.type === 'agent' ? 'publickey' : method.type;
    if (methodsLeft === null || methodsLeft.includes(name)) return method;
  }
}

async function methodsOf(login: SshLogin, target: SshTarget): Promise<AnyAuthMethod[]> {
  const username = target.user;
  switch (login.type) {
    case 'privateKey':
      return [{ type: 'publickey', username, key: await privateKey(login, target) }];
    case 'password': {
      const password = login.password.reveal();
      const prompt: Extract<AnyAuthMethod, { type: 'keyboard-interactive' }>['prompt'] = (
        _n,
        _i,
        _l,
        prompts,
        finish,
      ) => finish(prompts.map(() => password));
      return [
        { type: 'password', username, password },
        { type: 'keyboard-interactive', username, prompt },
      ];
    }
    case 'agent': {
      const agent = process.env['SSH_AUTH_SOCK'];
      if (agent === undefined || agent === '') {
        throw new KubexmError(
          'SSH_AUTH',
          `${target.name} is to be logged into with the SSH agent, but SSH_AUTH_SOCK is not set`,
          {
            hint: 'eval "$(ssh-agent)" && ssh-add',
            retryable: false,
          },
        );
      }
      await agentAnswers(agent, target);
      return [{ type: 'agent', username, agent }];
    }
  }
}

/** ssh2 takes an agent that has ended for a connection that was lost, which would be tried again and again. */
function agentAnswers(agent: string, { name }: SshTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(agent);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (cause) => {
      const message = `${name} is to be logged into with the SSH agent, but nothing answers at SSH_AUTH_SOCK (${agent})`;
      const hint = 'the agent has ended: eval "$(ssh-agent)" && ssh-add';
      reject(new KubexmError('SSH_AUTH', message, { hint, cause, retryable: false }));
    });
  });
}

async function privateKey(login: Extract<SshLogin, { type: 'privateKey' }>, target: SshTarget): Promise<ParsedKey> {
  const { default: ssh2 } = await import('ssh2');
  let text: Buffer;
  try {
    text = await readFile(expandHome(login.path));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw keyFile(
      login.path,
      missing ? 'does not exist' : `cannot be read: ${asError(error).message}`,
      target,
      'ssh-keygen -t ed25519',
    );
  }
  const parsed = ssh2.utils.parseKey(text, login.passphrase?.reveal());
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key !== undefined && !(key instanceof Error)) {
    if (key.isPrivateKey()) return key;
    throw keyFile(login.path, 'is a public key', target, `give the private key: ${login.path.replace(/\.pub$/, '')}`);
  }
  const encrypted = key !== undefined && /encrypted|passphrase|integrity|bad decrypt|decrypt/i.test(key.message);
  if (encrypted && login.passphrase === undefined) {
    throw keyFile(
      login.path,
      'is encrypted and no passphrase was given',
      target,
      'give the passphrase in the config, or ssh-add the key and log in with the agent',
    );
  }
  if (encrypted)
    throw keyFile(
      login.path,
      'cannot be decrypted with the given passphrase',
      target,
      `ssh-keygen -y -f ${login.path} asks for it, too`,
    );
  throw keyFile(
    login.path,
    `is not a private key that can be read: ${key?.message ?? 'empty'}`,
    target,
    `ssh-keygen -y -f ${login.path}`,
  );
}

function keyFile(path: string, what: string, target: SshTarget, hint: string): KubexmError {
  return new KubexmError('SSH_KEY_FILE', `the key ${path} of ${target.name} ${what}`, { hint, retryable: false });
}

function refusal(target: SshTarget, accepted: readonly string[]): KubexmError {
  const { name, logins, user, address, port } = target;
  const key = logins.find((login) => login.type === 'privateKey');
  const tried = logins.map(loginText).join(', ') || 'nothing: there is no agent and no key in ~/.ssh';
  const offers = accepted.length === 0 ? '' : `; it accepts: ${accepted.join(', ')}`;
  const identity = key === undefined ? '' : ` -i ${key.path}`;
  const hint = logins.some((login) => login.type === 'password')
    ? `check the password: ssh${port === 22 ? '' : ` -p ${port}`} ${user}@${address}`
    : `ssh-copy-id${identity}${port === 22 ? '' : ` -p ${port}`} ${user}@${address}`;
  return new KubexmError('SSH_AUTH', `${name} (${targetText(target)}) refused the login with ${tried}${offers}`, {
    hint,
    retryable: false,
  });
}

function loginText(login: SshLogin): string {
  switch (login.type) {
    case 'privateKey':
      return `the key ${login.path}`;
    case 'password':
      return 'the password';
    case 'agent':
      return 'the keys of the SSH agent';
  }
}
