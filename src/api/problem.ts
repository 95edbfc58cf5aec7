import { HttpException } from '@nestjs/common';
import { CloudJobError, ERROR_CODES, ValidationError, type ErrorCode, type Violation } from '../domain/errors.js';

/** RFC 9457, `application/problem+json`: the form of every error that leaves the API. */
export interface Problem {
  /** `urn:cloudjob:error:<code>`; `docs/errors.md` has a section for each. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Path of the request. */
  readonly instance: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  /** The fields at fault. */
  readonly violations?: readonly Violation[];
}

export interface ProblemContext {
  readonly instance: string;
  readonly requestId: string;
}

/** Errors on our side show their title only: messages may hold addresses or internals, which belong in the log. */
export function problemOf(error: unknown, context: ProblemContext): Problem {
  const { code, detail, violations } = factsOf(error);
  const { status, title } = ERROR_CODES[code];
  return {
    type: `urn:cloudjob:error:${code}`,
    title,
    status,
    detail: status >= 500 ? title : detail,
    ...context,
    code,
    ...(violations === undefined ? {} : { violations }),
  };
}

interface Facts {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly violations?: readonly Violation[];
}

function factsOf(error: unknown): Facts {
  if (error instanceof ValidationError) {
    return { code: error.code, detail: error.message, violations: error.violations };
  }
  if (error instanceof CloudJobError) return { code: error.code, detail: error.message };
  if (error instanceof HttpException) return factsOfStatus(error.getStatus(), error.message);
  return { code: 'CJ_INVARIANT', detail: '' };
}

/** Refusals by the HTTP layer, before any of our code ran. */
function factsOfStatus(status: number, message: string): Facts {
  switch (status) {
    case 404:
      return { code: 'CJ_ROUTE_NOT_FOUND', detail: message };
    case 413:
      return { code: 'CJ_PAYLOAD_TOO_LARGE', detail: message };
    case 415:
      return { code: 'CJ_UNSUPPORTED_MEDIA_TYPE', detail: message };
    case 503:
      return { code: 'CJ_STOPPING', detail: message };
    default:
      if (status >= 500) return { code: 'CJ_INVARIANT', detail: '' };
      return { code: 'CJ_VALIDATION_FAILED', detail: message, violations: [{ field: 'request', message }] };
  }
}
