import { setImmediate as turn } from 'node:timers/promises';
import type { CancelTimer, Clock } from '../runtime/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that moves only when told. Timers fire in order of their instant; promises settle in between. */
export class ManualClock implements Clock {
  /** Wall time at monotonic 0: not added up, so that timers at fractions of a millisecond leave no rounding error. */
  #wallBase: number;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(start = '2026-11-21T00:00:00.000Z') {
    this.#wallBase = Date.parse(start);
  }

  now(): number {
    return Math.floor(this.#wallBase + this.#monotonic);
  }

  monotonicNow(): number {
    return this.#monotonic;
  }

  setTimer(delayMs: number, fn: () => void): CancelTimer {
    const timer = { at: this.#monotonic + Math.max(delayMs, 0), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Number of timers that are set: 0 after everything was stopped. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves both clocks, firing what becomes due on the way, and lets the event loop turn after each timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonic + ms;
    await settle();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#monotonic = Math.max(timer.at, this.#monotonic);
      this.#timers.delete(timer);
      timer.fn();
      await settle();
    }
    this.#monotonic = until;
    await settle();
  }

  /** The wall clock is set by somebody; timers and monotonic time go on. */
  jumpWall(ms: number): void {
    this.#wallBase += ms;
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}

/** Lets promise chains and immediates that are ready run to their next wait. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}
