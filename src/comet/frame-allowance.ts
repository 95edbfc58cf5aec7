import type { Clock } from '../runtime/clock.js';

const FRAMES_PER_SECOND = 20;
const FRAME_BURST = 60;

/** How many frames a client may send: a burst, then so many per second. */
export class FrameAllowance {
  readonly #clock: Clock;
  #left = FRAME_BURST;
  #countedAt: number;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
    this.#countedAt = clock.monotonicNow();
  }

  /** Takes one; false when there was none. */
  take(): boolean {
    const now = this.#clock.monotonicNow();
    const earned = ((now - this.#countedAt) / 1000) * FRAMES_PER_SECOND;
    this.#left = Math.min(this.#left + earned, FRAME_BURST) - 1;
    this.#countedAt = now;
    return this.#left >= 0;
  }
}
