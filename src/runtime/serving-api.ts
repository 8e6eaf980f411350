import { request } from 'node:https';

/** What a kubeconfig says of one cluster and its user; the parts that are needed to ask its API. */
interface Credentials {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The address in a kubeconfig of kubexm's own, and its text with another one. */
export async function kubeconfigServer(
  text: string,
): Promise<{ readonly server: string; readonly credentials: Credentials; with(server: string): string }> {
  const { parse } = await import('yaml');
  const { clusters, users } = parse(text) as {
    readonly clusters: readonly [
      { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
    ];
    readonly users: readonly [
      { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } },
    ];
  };
  const { cluster } = clusters[0];
  const { user } = users[0];
  return {
    server: cluster.server,
    credentials: {
      ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
      cert: Buffer.from(user['client-certificate-data'], 'base64'),
      key: Buffer.from(user['client-key-data'], 'base64'),
    },
    with: (server) => text.replace(`server: ${cluster.server}\n`, () => `server: ${server}\n`),
  };
}

/** The first of these API servers that says it is ready; all are asked at once. Undefined where none does in time. */
export async function firstServing(
  servers: readonly string[],
  { credentials, timeoutMs = 3000 }: { readonly credentials: Credentials; readonly timeoutMs?: number },
): Promise<string | undefined> {
  const answers = servers.map((server) => isReady(server, credentials, timeoutMs));
  for (const [index, answer] of answers.entries()) if (await answer) return servers[index];
  return undefined;
}

function isReady(server: string, credentials: Credentials, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request(`${server}/readyz`, { ...credentials, agent: false, signal }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    // Refused, dropped, or another cluster's certificate: whatever it is, this cluster's API is not served there.
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
