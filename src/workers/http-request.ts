import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { HandlerError } from '../domain/errors.js';
import { guardedLookup, isPublicAddress, refusedHost } from './address-guard.js';

export const MAX_RESPONSE_BYTES = 65_536;

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Ends the exchange at any point. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** In seconds, where the server asked for it. */
  readonly retryAfter: number | undefined;
  /** Null when it was larger than `MAX_RESPONSE_BYTES`; then the rest was not read. */
  readonly body: string | null;
}

/**
 * Exchanges one request for one response: no redirects, no decompression, no proxy, body capped. Connections
 * are kept for the next request to the same place. Unless private targets are allowed, the address is checked
 * at the moment of connecting, and only ports that serve HTTP by convention (80, 443, 1024 and up) are used.
 */
export class HttpConnections {
  readonly #allowPrivate: boolean;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  constructor(config: { readonly allowPrivateTargets: boolean }) {
    this.#allowPrivate = config.allowPrivateTargets;
  }

  /** Errors: `CJ_TARGET_REFUSED`; otherwise what Node reports, or the signal's reason. */
  async exchange(request: HttpRequest): Promise<HttpResponse> {
    if (!this.#allowPrivate) refuseUnlessPublic(request.url);
    request.signal.throwIfAborted();
    const response = await this.#send(request);
    const body = await readCapped(response);
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      retryAfter: secondsOf(response.headers['retry-after']),
      body,
    };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #send({ url, method, headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
    const isSecure = url.protocol === 'https:';
    const options: RequestOptions = {
      method,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: isSecure ? this.#https : this.#http,
      signal,
      ...(this.#allowPrivate ? {} : { lookup: guardedLookup }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? httpsRequest : httpRequest)(url, options, resolve);
      outgoing.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
      outgoing.end(body);
    });
  }
}

/** A literal address is connected to without a lookup, so it is checked here. `URL` has undone odd spellings. */
function refuseUnlessPublic(url: URL): void {
  const port = Number(url.port);
  if (url.port !== '' && port !== 80 && port !== 443 && port < 1024) {
    throw new HandlerError('CJ_TARGET_REFUSED', `port ${port} may not be called (allowed: 80, 443, 1024 to 65535)`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusedHost(host);
}

async function readCapped(response: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) return null; // Leaving the loop ends the connection.
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}
