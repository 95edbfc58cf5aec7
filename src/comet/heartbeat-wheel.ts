import type { DurationMs } from '../domain/time/instant.js';
import type { CancelTimer, Clock } from '../runtime/clock.js';
import { Service } from '../runtime/service.js';

export interface Visited {
  /** Does what is due and returns when to come again, at the latest; null = never. Does not throw. */
  visit(): DurationMs | null;
}

/**
 * Visits many connections in time with a single timer: a ring of slots, one tick each. A visit may come up to
 * one tick late, and early when it is further away than the ring is long.
 */
export class HeartbeatWheel extends Service {
  readonly name = 'heartbeat-wheel';
  readonly #clock: Clock;
  readonly #tickMs: DurationMs;
  readonly #slots: Set<Visited>[];
  #current = 0;
  #cancelTimer: CancelTimer | undefined;

  constructor({ clock }: { clock: Clock }, { tickMs = 1000, slotCount = 64 } = {}) {
    super();
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#slots = Array.from({ length: slotCount }, () => new Set<Visited>());
  }

  add(visited: Visited, delayMs: DurationMs): void {
    const ticks = Math.min(Math.max(Math.ceil(delayMs / this.#tickMs), 1), this.#slots.length - 1);
    this.#slotAt(this.#current + ticks).add(visited);
  }

  protected onStart(): Promise<void> {
    this.#schedule(this.#clock.monotonicNow() + this.#tickMs);
    return Promise.resolve();
  }

  protected onStop(): Promise<void> {
    this.#cancelTimer?.();
    for (const slot of this.#slots) slot.clear();
    return Promise.resolve();
  }

  /** Ticks are planned on a fixed grid, so that a busy process does not stretch the intervals. */
  #schedule(at: number): void {
    this.#cancelTimer = this.#clock.setTimer(at - this.#clock.monotonicNow(), () => {
      this.#tick();
      this.#schedule(Math.max(at + this.#tickMs, this.#clock.monotonicNow()));
    });
  }

  #tick(): void {
    this.#current += 1;
    const slot = this.#slotAt(this.#current);
    const due = [...slot];
    slot.clear();
    for (const visited of due) {
      const delayMs = visited.visit();
      if (delayMs !== null) this.add(visited, delayMs);
    }
  }

  #slotAt(tick: number): Set<Visited> {
    const slot = this.#slots[tick % this.#slots.length];
    if (slot === undefined) throw new RangeError('the wheel has no slots');
    return slot;
  }
}
