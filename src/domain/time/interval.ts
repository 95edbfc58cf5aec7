import type { DurationMs, EpochMs } from './instant.js';

/** Instants of fires, found from either side. Every kind of schedule is one. Pure. */
export interface FireTimes {
  /** First time strictly after `after`, or null. */
  next(after: EpochMs): EpochMs | null;
  /** Last time strictly before `before`, or null. */
  previous(before: EpochMs): EpochMs | null;
}

/** First and one past the last instant at which anything fires. */
const FIRST_FIRE: EpochMs = Date.UTC(1970, 0, 1);
const END_OF_FIRES: EpochMs = Date.UTC(2200, 0, 1);

/** `anchor + n·period` for every whole n: never counted from the last fire, so that nothing drifts. */
export class EveryTimes implements FireTimes {
  constructor(
    private readonly periodMs: DurationMs,
    private readonly anchor: EpochMs,
  ) {}

  next(after: EpochMs): EpochMs | null {
    const from = Math.max(after, FIRST_FIRE - 1);
    const at = this.anchor + (Math.floor((from - this.anchor) / this.periodMs) + 1) * this.periodMs;
    return at < END_OF_FIRES ? at : null;
  }

  previous(before: EpochMs): EpochMs | null {
    const until = Math.min(before, END_OF_FIRES);
    const at = this.anchor + (Math.ceil((until - this.anchor) / this.periodMs) - 1) * this.periodMs;
    return at >= FIRST_FIRE ? at : null;
  }
}

export class OneTime implements FireTimes {
  constructor(private readonly at: EpochMs) {}

  next(after: EpochMs): EpochMs | null {
    return this.at > after ? this.at : null;
  }

  previous(before: EpochMs): EpochMs | null {
    return this.at < before ? this.at : null;
  }
}

/**
 * A fixed delay after each completion: `next` takes the instant of completion (at first: of creation).
 * It has no times of its own, so nothing lies before an instant.
 */
export class DelayTimes implements FireTimes {
  constructor(private readonly delayMs: DurationMs) {}

  next(after: EpochMs): EpochMs | null {
    return after + this.delayMs;
  }

  previous(): null {
    return null;
  }
}
