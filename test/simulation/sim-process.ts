import { MAX_TIMER_MS, type CancelTimer, type Clock } from '../../src/runtime/clock.js';
import type { SimEvent, Simulation } from './simulation.js';

/** Where all wall clocks stand at first, apart from their error. */
export const START_AT = Date.UTC(2026, 10, 21);

/**
 * One process with an event loop and a clock. Paused (SIGSTOP), it does nothing while time goes on, and then all at
 * once: timers first, as Node does it. Dead, it never does anything again; what it had sent is on its way.
 */
export class SimProcess implements Clock {
  readonly #sim: Simulation;
  #isAlive = true;
  #pauses = 0;
  #held: SimEvent[] = [];
  /** What its wall clock is wrong by. */
  skewMs: number;
  /** When it stood still last. */
  lastPausedAt = -Infinity;
  /** Called when it goes on after a pause, before anything of it does. */
  onResumed: () => void = () => undefined;

  constructor(
    sim: Simulation,
    readonly name: string,
    config: { readonly skewMs: number } = { skewMs: 0 },
  ) {
    this.#sim = sim;
    this.skewMs = config.skewMs;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#pauses > 0;
  }

  now(): number {
    return Math.floor(START_AT + this.#sim.now + this.skewMs);
  }

  monotonicNow(): number {
    return this.#sim.now;
  }

  setTimer(delayMs: number, fn: () => void): CancelTimer {
    // As `setTimeout` does it: never in the same turn.
    const event = this.#sim.schedule(Math.min(Math.max(delayMs, 1), MAX_TIMER_MS), this, fn);
    event.isTimer = true;
    return () => void (event.run = null);
  }

  /** Calls may overlap; each is undone by one `resume`. */
  pause(): void {
    this.#pauses += 1;
  }

  resume(): void {
    this.#pauses -= 1;
    this.lastPausedAt = this.#sim.now;
    if (this.#pauses > 0 || !this.#isAlive) return;
    this.onResumed();
    const held = this.#held;
    this.#held = [];
    const timers = held.filter(({ isTimer }) => isTimer);
    const others = held.filter(({ isTimer }) => !isTimer);
    for (const event of [...timers, ...others]) {
      const again = this.#sim.schedule(0, this, () => {
        const { run } = event;
        event.run = null;
        run?.();
      });
      again.isTimer = event.isTimer;
    }
  }

  holdBack(event: SimEvent): void {
    this.#held.push(event);
  }

  kill(): void {
    this.#isAlive = false;
    this.#held = [];
  }
}
