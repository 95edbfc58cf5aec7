import { MAX_TIMER_MS, type CancelTimer, type Clock } from './clock.js';

/** The machine's clock: the one place in `src` that reads time and sets timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  setTimer(delayMs: number, fn: () => void): CancelTimer {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
