/**
 * Every failure that CloudJob reports on purpose is a `CloudJobError` with a code from `ERROR_CODES`.
 * Outcomes that are part of normal work (a fire that was already decided, a lease that was refused in a
 * batch) are return values, not errors. Nobody compares message texts; `docs/errors.md` is checked
 * against this table by a test.
 */

interface ErrorCodeFacts {
  /** May the same call succeed later without a change by the caller? */
  readonly retryable: boolean;
  /** Status of the RFC 9457 problem document when the error reaches HTTP. */
  readonly status: number;
  /** One line for `docs/errors.md` and the title of the problem document. */
  readonly title: string;
}

export const ERROR_CODES = {
  CJ_VALIDATION_FAILED: { retryable: false, status: 400, title: 'The request has invalid fields' },
  CJ_SCHEDULE_INVALID: { retryable: false, status: 400, title: 'The schedule cannot be used' },
  CJ_CALENDAR_FILE_INVALID: { retryable: false, status: 400, title: 'The imported file cannot be read' },
  CJ_PAYLOAD_TOO_LARGE: { retryable: false, status: 413, title: 'The request is larger than allowed' },
  CJ_UNSUPPORTED_MEDIA_TYPE: { retryable: false, status: 415, title: 'The content type is not accepted here' },
  CJ_UNAUTHENTICATED: { retryable: false, status: 401, title: 'A valid API key or ticket is required' },
  CJ_ROUTE_NOT_FOUND: { retryable: false, status: 404, title: 'There is nothing at this address' },
  CJ_JOB_NOT_FOUND: { retryable: false, status: 404, title: 'The job does not exist' },
  CJ_TRIGGER_NOT_FOUND: { retryable: false, status: 404, title: 'The trigger does not exist' },
  CJ_EXECUTION_NOT_FOUND: { retryable: false, status: 404, title: 'The execution does not exist' },
  CJ_REMINDER_NOT_FOUND: { retryable: false, status: 404, title: 'The reminder does not exist' },
  CJ_CALENDAR_NOT_FOUND: { retryable: false, status: 404, title: 'The calendar does not exist' },
  CJ_BACKFILL_NOT_FOUND: { retryable: false, status: 404, title: 'The backfill does not exist' },
  CJ_VERSION_CONFLICT: { retryable: false, status: 412, title: 'The resource was changed by somebody else' },
  CJ_STATE_CONFLICT: { retryable: false, status: 409, title: 'The resource is not in a state that allows this' },
  CJ_IDEMPOTENCY_CONFLICT: { retryable: false, status: 409, title: 'The idempotency key was used for another request' },
  CJ_DUE_CONFLICT: { retryable: true, status: 409, title: 'The trigger is due just now' },
  CJ_LIMIT_EXCEEDED: { retryable: true, status: 429, title: 'A limit was reached' },
  CJ_EPOCH_STALE: { retryable: false, status: 503, title: 'A newer leader has taken over' },
  CJ_NOT_LEADER: { retryable: true, status: 503, title: 'This member does not lead the shard' },
  CJ_LEASE_LOST: { retryable: false, status: 409, title: 'The lease of the attempt has ended' },
  CJ_REDIS_UNAVAILABLE: { retryable: true, status: 503, title: 'Redis cannot be reached' },
  CJ_REDIS_TIMEOUT: { retryable: true, status: 503, title: 'Redis did not answer in time' },
  CJ_REDIS_REFUSED: { retryable: false, status: 503, title: 'Redis is not configured as required' },
  CJ_REDIS_FOREIGN: { retryable: false, status: 503, title: 'Redis is not the one that is known' },
  CJ_ZK_DISCONNECTED: { retryable: true, status: 503, title: 'ZooKeeper cannot be reached' },
  CJ_ZK_SESSION_EXPIRED: { retryable: true, status: 503, title: 'The ZooKeeper session has expired' },
  CJ_ZK_NODE_EXISTS: { retryable: false, status: 503, title: 'The znode exists already' },
  CJ_ZK_NO_NODE: { retryable: false, status: 503, title: 'The znode does not exist' },
  CJ_ZK_BAD_VERSION: { retryable: false, status: 503, title: 'The znode was changed by another member' },
  CJ_ZK_REFUSED: { retryable: false, status: 503, title: 'ZooKeeper refused the request' },
  CJ_API_UNAVAILABLE: { retryable: true, status: 503, title: 'The API cannot be reached' },
  CJ_HANDLER_UNKNOWN: { retryable: true, status: 500, title: 'No handler of this name is registered' },
  CJ_HANDLER_THREW: { retryable: true, status: 500, title: 'The handler failed' },
  CJ_HANDLER_TIMEOUT: { retryable: true, status: 500, title: 'The handler did not finish in time' },
  CJ_HANDLER_RETRY: { retryable: true, status: 500, title: 'The handler asked for another attempt' },
  CJ_HANDLER_DISCARDED: { retryable: false, status: 500, title: 'The handler said that no retry can help' },
  CJ_TARGET_REFUSED: { retryable: false, status: 500, title: 'The target may not be called' },
  CJ_CONFIG_INVALID: { retryable: false, status: 500, title: 'The configuration cannot be used' },
  CJ_STOPPING: { retryable: true, status: 503, title: 'This process is shutting down' },
  CJ_INVARIANT: { retryable: false, status: 500, title: 'An internal invariant does not hold' },
} as const satisfies Record<string, ErrorCodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

export type ErrorDetails = Readonly<Record<string, unknown>>;

export abstract class CloudJobError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** One thing wrong with one field of the caller's input. */
export interface Violation {
  /** Dotted path from the root of the input, e.g. `schedule.expression` or `items[3].name`. */
  readonly field: string;
  /** What is wrong, as a sentence without a final stop. */
  readonly message: string;
  /** What would be accepted, e.g. `0-59` or `handler | http | push`. */
  readonly allowed?: string;
}

/** The caller's input is wrong; nothing was written. Always names at least one field. */
export class ValidationError extends CloudJobError {
  readonly violations: readonly Violation[];

  constructor(
    violations: readonly Violation[],
    code:
      | 'CJ_VALIDATION_FAILED'
      | 'CJ_SCHEDULE_INVALID'
      | 'CJ_CALENDAR_FILE_INVALID'
      /** A field names a calendar that does not exist. */
      | 'CJ_CALENDAR_NOT_FOUND' = 'CJ_VALIDATION_FAILED',
  ) {
    const text = violations
      .map((v) => `${v.field}: ${v.message}${v.allowed === undefined ? '' : ` (allowed: ${v.allowed})`}`)
      .join('; ');
    super(code, text, { details: { violations } });
    this.violations = violations;
  }

  /** The same violations below another path, e.g. `schedule` + `expression`. */
  under(prefix: string): ValidationError {
    const moved = this.violations.map((v) => ({ ...v, field: v.field === '' ? prefix : `${prefix}.${v.field}` }));
    return new ValidationError(moved, this.code as 'CJ_VALIDATION_FAILED');
  }
}

/** The request itself cannot be accepted (size, media type, missing key). */
export class RequestError extends CloudJobError {
  constructor(
    code: 'CJ_PAYLOAD_TOO_LARGE' | 'CJ_UNSUPPORTED_MEDIA_TYPE' | 'CJ_UNAUTHENTICATED' | 'CJ_LIMIT_EXCEEDED',
    message: string,
    details: ErrorDetails = {},
  ) {
    super(code, message, { details });
  }
}

export class NotFoundError extends CloudJobError {
  constructor(code: Extract<ErrorCode, `${string}_NOT_FOUND`>, message: string, details: ErrorDetails = {}) {
    super(code, message, { details });
  }
}

export class ConflictError extends CloudJobError {
  constructor(code: Extract<ErrorCode, `${string}_CONFLICT`>, message: string, details: ErrorDetails = {}) {
    super(code, message, { details });
  }
}

/** A write carried an epoch below the stored fence: another leader owns the shard. The term must end now. */
export class FencedError extends CloudJobError {
  constructor(details: { shard: number; epoch: number; fence?: number }) {
    super('CJ_EPOCH_STALE', `shard ${details.shard}: epoch ${details.epoch} is behind the fence`, { details });
  }
}

export class NotLeaderError extends CloudJobError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('CJ_NOT_LEADER', message, { details });
  }
}

export class LeaseLostError extends CloudJobError {
  constructor(details: { executionId: string }) {
    super('CJ_LEASE_LOST', `execution ${details.executionId}: the lease of this attempt has ended`, { details });
  }
}

/**
 * Redis did not do what was asked, or its answer was lost: the outcome of a write is unknown. Repeat the
 * operation with the same identity (token, request id, watermark); every script is idempotent for that.
 */
export class StoreUnavailableError extends CloudJobError {
  constructor(
    code: 'CJ_REDIS_UNAVAILABLE' | 'CJ_REDIS_TIMEOUT' | 'CJ_REDIS_REFUSED' | 'CJ_REDIS_FOREIGN',
    message: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

export class CoordinationError extends CloudJobError {
  constructor(
    code: Extract<ErrorCode, `CJ_ZK_${string}`>,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

/** The REST API gave no answer that could be understood: the outcome of a write is unknown. */
export class ApiUnavailableError extends CloudJobError {
  constructor(message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super('CJ_API_UNAVAILABLE', message, options);
  }
}

/** An attempt failed in user code or at its target; the retry policy decides what follows. */
export class HandlerError extends CloudJobError {
  constructor(
    code: 'CJ_HANDLER_UNKNOWN' | 'CJ_HANDLER_THREW' | 'CJ_HANDLER_TIMEOUT' | 'CJ_TARGET_REFUSED',
    message: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

export class ConfigError extends CloudJobError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('CJ_CONFIG_INVALID', message, { details });
  }
}

export class StoppingError extends CloudJobError {
  constructor(what: string) {
    super('CJ_STOPPING', `${what} is stopping`);
  }
}

/** A bug of ours. Services that meet one stop and say so. */
export class InvariantError extends CloudJobError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('CJ_INVARIANT', message, { details });
  }
}

/** Makes a `switch` over a union exhaustive at compile time. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}
