import { StoreUnavailableError } from '../domain/errors.js';
import { delay, type Clock } from '../runtime/clock.js';

/** How long a process that starts waits for its store: a restart or a failover may be under way. */
export const REACHABLE_WITHIN_MS = 10_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1000;

/**
 * One step of a start, repeated while the store is away. It may be there and go again: a server that is promoted
 * closes its connections. Only for steps that may be made twice.
 * Errors: the last `StoreUnavailableError` when ten seconds are over or the signal is aborted; others at once, and so
 * is a refusal, which does not go away by waiting.
 */
export async function untilReachable<T>(
  { clock, signal }: { clock: Clock; signal: AbortSignal },
  step: () => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.monotonicNow() + REACHABLE_WITHIN_MS;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return await step();
    } catch (error) {
      if (!isAway(error) || clock.monotonicNow() + waitMs > giveUpAt) throw error;
      if (!(await delay(clock, waitMs, signal))) throw error;
    }
  }
}

function isAway(error: unknown): boolean {
  return (
    error instanceof StoreUnavailableError &&
    (error.code === 'CJ_REDIS_UNAVAILABLE' || error.code === 'CJ_REDIS_TIMEOUT')
  );
}
