import { ApiUnavailableError, CloudJobError, NotFoundError } from '../domain/errors.js';
import { delay, type Clock } from '../runtime/clock.js';
import { errorOfProblem } from './problem-error.js';

export interface RestTransportConfig {
  /** Address of the API, with or without a path before `/v1`. */
  readonly url: string;
  readonly apiKey: string;
  /** Longest wait for one answer, in ms. */
  readonly timeoutMs: number;
  /** Tries in all for a request that may be repeated. */
  readonly maxTries: number;
}

export interface RestRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the address of the API; escaped already. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** May the request be sent again although the first one may have been applied? */
  readonly isRepeatable: boolean;
}

export interface RestAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

const FIRST_RETRY_MS = 200;

const GONE: RestAnswer = { status: 204, text: '', headers: new Headers() };

/** Sends requests with the key and repeats what failed for now. Answers other than 2xx are thrown as the errors they describe. */
export class RestTransport {
  readonly #clock: Clock;
  readonly #config: RestTransportConfig;
  readonly #closed = new AbortController();

  constructor({ clock }: { readonly clock: Clock }, config: RestTransportConfig) {
    this.#clock = clock;
    this.#config = { ...config, url: config.url.replace(/\/+$/, '') };
  }

  async send(request: RestRequest): Promise<RestAnswer> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#sendOnce(request);
      } catch (error) {
        // What is gone at a later try was deleted by an earlier one whose answer was lost.
        if (request.method === 'DELETE' && tries > 1 && error instanceof NotFoundError) return GONE;
        const mayRepeat = request.isRepeatable && error instanceof CloudJobError && error.retryable;
        if (!mayRepeat || tries >= this.#config.maxTries) throw error;
        const isOpen = await delay(this.#clock, FIRST_RETRY_MS * 2 ** (tries - 1), this.#closed.signal);
        if (!isOpen) throw error;
      }
    }
  }

  /** Gives up requests under way. */
  close(): void {
    this.#closed.abort();
  }

  async #sendOnce({ method, path, headers, body }: RestRequest): Promise<RestAnswer> {
    const { url, apiKey, timeoutMs } = this.#config;
    const timeout = new AbortController();
    const cancelTimer = this.#clock.setTimer(timeoutMs, () =>
      timeout.abort(new Error(`no answer within ${timeoutMs} ms`)),
    );
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...headers, authorization: `Bearer ${apiKey}` },
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: AbortSignal.any([timeout.signal, this.#closed.signal]),
      });
      const text = await response.text();
      if (!response.ok) throw errorOfProblem(response.status, parsedOrNull(text));
      return { status: response.status, text, headers: response.headers };
    } catch (error) {
      if (error instanceof CloudJobError) throw error;
      throw new ApiUnavailableError(`${method} ${path}: the API gave no answer`, { cause: error });
    } finally {
      cancelTimer();
    }
  }
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
