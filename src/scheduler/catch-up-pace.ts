import type { DurationMs, EpochMs } from '../domain/time/instant.js';

/** What was not used within this time is gone, so that a pause is not followed by a burst. */
const BURST_MS: DurationMs = 100;
const MAX_FIRES_PER_STEP = 100;

/** How fast one shard makes up for fires that are late: so many each second, evenly. */
export class CatchUpPace {
  /** Fires per step: about a tenth of a second's worth, so that one trigger does not take it all. */
  readonly stepSize: number;
  readonly #perSecond: number;
  #freeAt: EpochMs = -Infinity;

  constructor({ perSecond }: { readonly perSecond: number }) {
    this.#perSecond = perSecond;
    this.stepSize = Math.min(MAX_FIRES_PER_STEP, Math.max(1, Math.floor((perSecond * BURST_MS) / 1000)));
  }

  /** From when on the next late fire may go. */
  get freeAt(): EpochMs {
    return this.#freeAt;
  }

  /** What was spent counts no more: the clock by which it was has been set. */
  forget(): void {
    this.#freeAt = -Infinity;
  }

  spend(now: EpochMs, fires: number): void {
    this.#freeAt = Math.max(this.#freeAt, now - BURST_MS) + (fires * 1000) / this.#perSecond;
  }
}
