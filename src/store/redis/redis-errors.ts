import { CloudJobError, InvariantError, StoreUnavailableError } from '../../domain/errors.js';

/** Answers that say "not now": failover, loading, out of memory, cluster slots on the move. */
const UNAVAILABLE_REPLIES = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
  'UNBLOCKED',
]);

/** Answers that say "not you": they do not go away by waiting. */
const REFUSED_REPLIES = new Set(['DENIED', 'NOAUTH', 'NOPERM', 'WRONGPASS']);

/**
 * The one place where errors of Redis and of its client become ours; the outcome of a write is then unknown.
 * What Redis says about a script of ours (wrong type, error in Lua) is a bug: `CJ_INVARIANT`.
 */
export function translateRedisError(error: unknown): CloudJobError {
  if (error instanceof CloudJobError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'ReplyError') return translateReply(message, error);
  if (message === 'Command timed out') {
    return new StoreUnavailableError('CJ_REDIS_TIMEOUT', 'Redis did not answer in time', { cause: error });
  }
  return new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `Redis cannot be reached: ${message}`, { cause: error });
}

/** True for the answer to EVALSHA of a script that the server does not have. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function translateReply(message: string, cause: unknown): CloudJobError {
  const prefix = message.slice(0, message.search(/[^A-Z]|$/));
  if (UNAVAILABLE_REPLIES.has(prefix)) {
    return new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `Redis answered ${message}`, {
      cause,
      details: { reply: prefix },
    });
  }
  if (REFUSED_REPLIES.has(prefix)) {
    return new StoreUnavailableError('CJ_REDIS_REFUSED', `Redis answered ${message}`, {
      cause,
      details: { reply: prefix },
    });
  }
  return new InvariantError(`Redis answered ${message}`, { reply: message });
}
