/**
 * The only sources of time. Wall time is for instants that are stored or shown; monotonic time is for
 * deadlines, trust windows and measured durations. Everything is in milliseconds.
 */
export interface Clock {
  /** Wall time, milliseconds since 1970 UTC, integer. */
  now(): number;
  /** Never goes back, not related to wall time; fractions allowed. */
  monotonicNow(): number;
  /** Calls `fn` once, not before `delayMs` of monotonic time have passed. Longer than an hour is cut to an hour. */
  setTimer(delayMs: number, fn: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** Timers beyond this are cut: `setTimeout` fires at once above 2^31 ms, and a jump of the wall clock is seen within it. */
export const MAX_TIMER_MS = 3_600_000;

/** Resolves after `delayMs`, or at once with false when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onAbort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve(true);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
