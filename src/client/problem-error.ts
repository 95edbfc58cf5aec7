import { z } from 'zod';
import {
  ApiUnavailableError,
  ConflictError,
  CoordinationError,
  ERROR_CODES,
  InvariantError,
  LeaseLostError,
  NotFoundError,
  NotLeaderError,
  RequestError,
  StoppingError,
  StoreUnavailableError,
  ValidationError,
  type CloudJobError,
  type ErrorCode,
  type Violation,
} from '../domain/errors.js';

const violationSchema = z.object({ field: z.string(), message: z.string(), allowed: z.string().optional() });

/** The part of a problem document that says which error it was. */
const problemSchema = z.object({
  code: z.enum(Object.keys(ERROR_CODES) as ErrorCode[]),
  detail: z.string().default(''),
  violations: z.array(violationSchema).default([]),
});

/**
 * The error that a problem document was made from, of the same class and code. What is no problem document of
 * ours (a proxy answered) becomes `CJ_API_UNAVAILABLE`.
 */
export function errorOfProblem(status: number, body: unknown): CloudJobError {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) return new ApiUnavailableError(`the API answered ${status} without a problem document`);
  return errorOf(parsed.data);
}

function errorOf({ code, detail, violations }: z.output<typeof problemSchema>): CloudJobError {
  switch (code) {
    case 'CJ_VALIDATION_FAILED':
    case 'CJ_SCHEDULE_INVALID':
    case 'CJ_CALENDAR_FILE_INVALID':
      return new ValidationError(violations.map(violationOf), code);
    case 'CJ_PAYLOAD_TOO_LARGE':
    case 'CJ_UNSUPPORTED_MEDIA_TYPE':
    case 'CJ_UNAUTHENTICATED':
    case 'CJ_LIMIT_EXCEEDED':
      return new RequestError(code, detail);
    case 'CJ_ROUTE_NOT_FOUND':
    case 'CJ_JOB_NOT_FOUND':
    case 'CJ_TRIGGER_NOT_FOUND':
    case 'CJ_EXECUTION_NOT_FOUND':
    case 'CJ_REMINDER_NOT_FOUND':
    case 'CJ_BACKFILL_NOT_FOUND':
      return new NotFoundError(code, detail);
    case 'CJ_CALENDAR_NOT_FOUND':
      return violations.length > 0
        ? new ValidationError(violations.map(violationOf), code)
        : new NotFoundError(code, detail);
    case 'CJ_VERSION_CONFLICT':
    case 'CJ_STATE_CONFLICT':
    case 'CJ_IDEMPOTENCY_CONFLICT':
    case 'CJ_DUE_CONFLICT':
      return new ConflictError(code, detail);
    case 'CJ_REDIS_UNAVAILABLE':
    case 'CJ_REDIS_TIMEOUT':
    case 'CJ_REDIS_REFUSED':
    case 'CJ_REDIS_FOREIGN':
      return new StoreUnavailableError(code, detail);
    case 'CJ_ZK_DISCONNECTED':
    case 'CJ_ZK_SESSION_EXPIRED':
    case 'CJ_ZK_NODE_EXISTS':
    case 'CJ_ZK_NO_NODE':
    case 'CJ_ZK_BAD_VERSION':
    case 'CJ_ZK_REFUSED':
      return new CoordinationError(code, detail);
    case 'CJ_NOT_LEADER':
      return new NotLeaderError(detail);
    case 'CJ_LEASE_LOST':
      return new LeaseLostError({ executionId: detail });
    case 'CJ_STOPPING':
      return new StoppingError('the API');
    case 'CJ_API_UNAVAILABLE':
      return new ApiUnavailableError(detail);
    case 'CJ_INVARIANT':
      return new InvariantError(detail);
    default:
      // Codes that no answer of the API carries.
      return new ApiUnavailableError(`the API answered with ${code}: ${detail}`);
  }
}

function violationOf({ field, message, allowed }: z.output<typeof violationSchema>): Violation {
  return allowed === undefined ? { field, message } : { field, message, allowed };
}
