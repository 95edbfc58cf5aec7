import { API_KEY } from './fault-site.js';

export interface ApiRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Instead of `body`: an import, one JSON object a line. */
  readonly lines?: string;
  /** Idempotency key. */
  readonly key?: string;
}

/** `outcome` unknown: no answer, or one that says that the product could not tell. */
export interface ApiAnswer {
  readonly outcome: 'done' | 'refused' | 'unknown';
  readonly status: number;
  readonly body: unknown;
}

/** One request over HTTP, never repeated here. */
export async function askApi(url: string, request: ApiRequest): Promise<ApiAnswer> {
  const { method, path, body, lines, key } = request;
  const type = lines === undefined ? 'application/json' : 'application/x-ndjson';
  const text = lines ?? (body === undefined ? undefined : JSON.stringify(body));
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        ...(text === undefined ? {} : { 'content-type': type }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(text === undefined ? {} : { body: text }),
      signal: AbortSignal.timeout(15_000),
    });
    const answer = await response.text();
    return lines === undefined ? judged(response.status, answer) : judgedImport(response.status, answer);
  } catch (error) {
    return { outcome: 'unknown', status: 0, body: String(error) };
  }
}

function judged(status: number, text: string): ApiAnswer {
  const outcome = status < 300 ? 'done' : status < 500 ? 'refused' : 'unknown';
  return { outcome, status, body: text === '' ? null : JSON.parse(text) };
}

/** An import answers line by line, and may break off with a problem. */
function judgedImport(status: number, text: string): ApiAnswer {
  const hasFailed = status >= 500 || text.includes('"problem"') || text === '';
  const outcome = hasFailed ? 'unknown' : status >= 300 || text.includes('"error"') ? 'refused' : 'done';
  return { outcome, status, body: text };
}
