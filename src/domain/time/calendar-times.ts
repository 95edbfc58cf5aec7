import type { CompiledCalendar } from '../calendar.js';
import type { EpochMs } from './instant.js';
import type { FireTimes } from './interval.js';

/** After so many leaps over excluded stretches without a fire, the schedule is taken to have ended. */
const MAX_LEAPS = 20_000;

/**
 * The times that every calendar includes. Leaps over an excluded stretch at once, however long it is. A delay has
 * no times of its own: where it ends in an excluded stretch, the end of that is the time (`isDelay`).
 */
export class CalendarTimes implements FireTimes {
  constructor(
    private readonly times: FireTimes,
    private readonly calendars: readonly CompiledCalendar[],
    private readonly isDelay = false,
  ) {}

  next(after: EpochMs): EpochMs | null {
    let at = this.times.next(after);
    for (let leap = 0; at !== null && leap < MAX_LEAPS; leap++) {
      const excluding = this.excludingAt(at);
      if (excluding === undefined) return at;
      const included = excluding.nextIncluded(at);
      at = included === null || this.isDelay ? included : this.times.next(included - 1);
    }
    return null;
  }

  previous(before: EpochMs): EpochMs | null {
    let at = this.times.previous(before);
    for (let leap = 0; at !== null && leap < MAX_LEAPS; leap++) {
      const excluding = this.excludingAt(at);
      if (excluding === undefined) return at;
      const included = excluding.previousIncluded(at);
      at = included === null ? null : this.times.previous(included + 1);
    }
    return null;
  }

  private excludingAt(at: EpochMs): CompiledCalendar | undefined {
    return this.calendars.find((calendar) => !calendar.includes(at));
  }
}
