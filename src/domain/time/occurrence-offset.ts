import { DAY_MS, type LocalMs } from './civil.js';
import type { DurationMs, EpochMs } from './instant.js';
import type { FireTimes } from './interval.js';
import type { LocalTimes } from './zoned-times.js';

/**
 * Wall-clock times moved by whole days: one day before 09:00 is 09:00, whatever the clocks do in between. The
 * moved time is what meets the zone, so a gap or an overlap on the original day has no effect.
 */
export class DayOffsetTimes implements LocalTimes {
  private readonly offset: DurationMs;

  constructor(
    private readonly times: LocalTimes,
    days: number,
  ) {
    this.offset = days * DAY_MS;
  }

  firstFrom(from: LocalMs): LocalMs | null {
    return moved(this.times.firstFrom(from - this.offset), this.offset);
  }

  lastUntil(until: LocalMs): LocalMs | null {
    return moved(this.times.lastUntil(until - this.offset), this.offset);
  }
}

/** Instants moved by an exact length of time: 24 hours before 09:00 is 08:00 or 10:00 where clocks change in between. */
export class ExactOffsetTimes implements FireTimes {
  constructor(
    private readonly times: FireTimes,
    private readonly offset: DurationMs,
  ) {}

  next(after: EpochMs): EpochMs | null {
    return moved(this.times.next(after - this.offset), this.offset);
  }

  previous(before: EpochMs): EpochMs | null {
    return moved(this.times.previous(before - this.offset), this.offset);
  }
}

function moved(at: number | null, by: DurationMs): number | null {
  return at === null ? null : at + by;
}
