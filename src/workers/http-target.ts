import { HandlerError } from '../domain/errors.js';
import { discard, done, retryIn, type HandlerOutcome } from '../domain/handler-outcome.js';
import type { JsonValue } from '../domain/json.js';
import type { HttpTarget } from '../domain/target.js';
import type { Clock } from '../runtime/clock.js';
import { HttpConnections, type HttpResponse } from './http-request.js';
import type { JobContext } from './job-context.js';
import { webhookHeaders } from './webhook-signature.js';

/** Headers that belong to the connection, to us or to whoever may log in at the receiver. */
const RESERVED_HEADERS = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const RESERVED_PREFIXES = ['proxy-', 'webhook-'];

/** Of the client errors only these may go away by themselves. */
const RETRYABLE_4XX = new Set([408, 409, 425, 429]);

const MAX_RETRY_AFTER_S = 3600;
const EXCERPT_LENGTH = 300;

/**
 * Calls the URL of a job and reads the answer: 2xx is done, other answers fail by the retry policy, and client
 * errors that no retry can cure fail at once. The request is signed after Standard Webhooks; its `webhook-id`
 * is the execution's id, the same for every attempt.
 */
export class HttpCaller {
  readonly #clock: Clock;
  readonly #connections: HttpConnections;

  constructor(deps: { clock: Clock }, config: { readonly allowPrivateTargets: boolean }) {
    this.#clock = deps.clock;
    this.#connections = new HttpConnections(config);
  }

  /** Errors: `CJ_TARGET_REFUSED` for an address, port or header that may not be used; network errors as `CJ_HANDLER_THREW`. */
  async call(target: HttpTarget, context: JobContext): Promise<HandlerOutcome> {
    refuseReservedHeaders(target);
    const url = new URL(target.url);
    if (url.username !== '' || url.password !== '') {
      throw new HandlerError('CJ_TARGET_REFUSED', 'a URL with a user name or password may not be called');
    }
    const body = target.method === 'GET' ? '' : JSON.stringify(payloadOf(context));
    const timestamp = Math.floor(this.#clock.now() / 1000);
    const headers = {
      ...target.headers,
      'user-agent': 'cloudjob',
      'accept-encoding': 'identity',
      'idempotency-key': context.idempotencyKey,
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...webhookHeaders({ id: context.executionId, timestamp, body, secret: target.signingSecret }),
    };
    const request = { url, method: target.method, headers, body, signal: context.signal };
    return outcomeOf(await this.#exchange(request, target.method));
  }

  close(): void {
    this.#connections.close();
  }

  async #exchange(request: Parameters<HttpConnections['exchange']>[0], method: string): Promise<HttpResponse> {
    try {
      return await this.#connections.exchange(request);
    } catch (error) {
      if (error instanceof HandlerError) throw error;
      const facts = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
      const message = `${method} ${request.url.origin}${request.url.pathname}: ${facts}`;
      throw new HandlerError('CJ_HANDLER_THREW', message, { cause: error });
    }
  }
}

function refuseReservedHeaders(target: HttpTarget): void {
  for (const name of Object.keys(target.headers ?? {})) {
    const lower = name.toLowerCase();
    if (RESERVED_HEADERS.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))) {
      throw new HandlerError('CJ_TARGET_REFUSED', `the header ${lower} may not be set by a job`);
    }
  }
}

function payloadOf(context: JobContext): unknown {
  const { executionId, namespace, job, trigger, idempotencyKey, nominalAt, dueAt, firedAt } = context;
  const { attempt, maxAttempts, data = null } = context;
  const ids = { executionId, namespace, job, trigger, idempotencyKey };
  return { ...ids, nominalAt, dueAt, firedAt, attempt, maxAttempts, data };
}

function outcomeOf(response: HttpResponse): HandlerOutcome {
  const { status, retryAfter } = response;
  if (status >= 200 && status < 300) return done(resultOf(response));
  const message = `answered ${status}${excerptOf(response)}`;
  if (status >= 400 && status < 500 && !RETRYABLE_4XX.has(status)) return discard(message);
  if (retryAfter !== undefined) return retryIn(Math.min(retryAfter, MAX_RETRY_AFTER_S) * 1000, message);
  throw new HandlerError('CJ_HANDLER_THREW', message);
}

/** The status, and the body where it is JSON or text that is small enough to be kept with it. */
function resultOf({ status, contentType, body }: HttpResponse): JsonValue {
  if (body === null || body === '' || body.length > MAX_KEPT_BODY) return { status };
  if (!/^application\/(.+\+)?json\b/i.test(contentType)) {
    return /^text\//i.test(contentType) ? { status, body } : { status };
  }
  try {
    return { status, body: JSON.parse(body) as JsonValue };
  } catch {
    return { status, body };
  }
}

/** Room for the escapes that a body may need as JSON text within the cap of a result. */
const MAX_KEPT_BODY = 16_384;

function excerptOf({ body, contentType }: HttpResponse): string {
  if (body === null || body === '' || !/^(text\/plain|application\/(.+\+)?json)\b/i.test(contentType)) return '';
  return `: ${body.slice(0, EXCERPT_LENGTH).replace(/[\u0000-\u001f\u007f]+/g, ' ')}`;
}
