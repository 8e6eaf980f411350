import type { Readable } from 'node:stream';
import { asError, KubexmError } from '../../../errors/index.js';
import { systemErrorCode } from '../../../util/system-error.js';

/** Milliseconds. `idle` is the longest silence within an answer: whole downloads may take as long as they like. */
export interface HttpTimeouts {
  readonly connect: number;
  readonly idle: number;
}

/** The beginning of an answer; whoever gets one reads `body` to its end or destroys it. */
export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

/** A client for a few requests; `close` ends its connections. */
export interface HttpClient {
  get(
    url: string,
    options: { readonly headers?: Record<string, string>; readonly signal: AbortSignal },
  ): Promise<HttpAnswer>;
  close(): Promise<void>;
}

const defaultTimeouts: HttpTimeouts = { connect: 10_000, idle: 60_000 };

/** Follows redirects, speaks through HTTP_PROXY and HTTPS_PROXY unless NO_PROXY names the host, and decodes nothing. */
export async function openHttpClient(timeouts: HttpTimeouts = defaultTimeouts): Promise<HttpClient> {
  const { EnvHttpProxyAgent, interceptors, request } = await import('undici');
  const connect = { timeout: timeouts.connect };
  const agent = new EnvHttpProxyAgent({
    connect,
    requestTls: connect,
    proxyTls: connect,
    headersTimeout: timeouts.idle,
    bodyTimeout: timeouts.idle,
    // A proxy answers plain http itself; CONNECT to port 80 is what most of them refuse.
    proxyTunnel: false,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 10 }));
  return {
    async get(url, { headers, signal }) {
      try {
        const {
          statusCode,
          headers: answered,
          body,
        } = await request(url, {
          dispatcher,
          signal,
          // A tarball that arrives unpacked has another digest.
          headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'kubexm' },
        });
        return { url, status: statusCode, headers: answered, body };
      } catch (error) {
        throw networkError(url, error, signal);
      }
    },
    close: () => agent.destroy(),
  };
}

/** What hindered a request, as an error that may be tried again; a cancelled run stays what it is. */
export function networkError(url: string, error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return asError(signal.reason);
  if (error instanceof KubexmError) return error;
  const code = systemErrorCode(error);
  const reason = (code && reasons[code]) ?? asError(error).message;
  return new KubexmError('ARTIFACT_DOWNLOAD', `${url}: ${reason}`, {
    cause: error,
    // Neither a name that is not an address nor a certificate gets better by asking again.
    retryable: code !== 'ERR_INVALID_URL' && !/CERT|UNABLE_TO_VERIFY/.test(code ?? ''),
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the name server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  UND_ERR_SOCKET: 'the connection was cut',
};
