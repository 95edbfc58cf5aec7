import type { DurationMs } from './time/instant.js';

/** Registered by name, so that outcomes are known again when two copies of the package meet in one process. */
const outcomeMark = Symbol.for('cloudjob.handler-outcome');

type OutcomeFacts =
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'retryIn'; readonly delayMs: DurationMs; readonly reason: string }
  | { readonly type: 'cancel'; readonly reason: string }
  | { readonly type: 'discard'; readonly reason: string };

/** What a handler says about its attempt, made by `done`, `retryIn`, `cancel` or `discard`. */
export type HandlerOutcome = OutcomeFacts & { readonly [outcomeMark]: true };

const MAX_RETRY_MS = 31_536_000_000;

/** The work is done. The same as returning `result`, but it also counts after the attempt's signal was aborted. */
export function done(result?: unknown): HandlerOutcome {
  return { type: 'done', result, [outcomeMark]: true };
}

/**
 * Not now: try again in `delayMs` (0 to one year) instead of after the policy's backoff. Counts as an attempt;
 * on the last one the execution fails.
 */
export function retryIn(delayMs: DurationMs, reason = 'the handler asked for another attempt'): HandlerOutcome {
  if (!(delayMs >= 0 && delayMs <= MAX_RETRY_MS)) {
    throw new RangeError(`retryIn takes 0 to ${MAX_RETRY_MS} ms, not ${delayMs}`);
  }
  return { type: 'retryIn', delayMs: Math.round(delayMs), reason, [outcomeMark]: true };
}

/** The work is no longer wanted: the execution ends as cancelled. */
export function cancel(reason: string): HandlerOutcome {
  return { type: 'cancel', reason, [outcomeMark]: true };
}

/** No retry can help: the execution fails at once. */
export function discard(reason: string): HandlerOutcome {
  return { type: 'discard', reason, [outcomeMark]: true };
}

/** Tells an outcome from a plain result. */
export function isHandlerOutcome(value: unknown): value is HandlerOutcome {
  return typeof value === 'object' && value !== null && outcomeMark in value;
}
