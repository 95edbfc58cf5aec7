import { DAY_MS, weekdayOf, type LocalMs } from './civil.js';
import type { DurationMs } from './instant.js';
import type { LocalTimes } from './zoned-times.js';

export interface DailyWindow {
  /** Milliseconds of the local day, inclusive. */
  readonly fromMs: DurationMs;
  /** Inclusive; below `fromMs` = on the following day. */
  readonly toMs: DurationMs;
  readonly everyMs: DurationMs;
  /** Days on which a window begins: bit 0 = Sunday. At least one. */
  readonly weekdays: number;
}

/** Every so often between two times of day: `from + n·every`, counted anew on each chosen day. */
export class DailyWindowTimes implements LocalTimes {
  private readonly lengthMs: DurationMs;

  constructor(private readonly window: DailyWindow) {
    const length = window.toMs - window.fromMs;
    this.lengthMs = length < 0 ? length + DAY_MS : length;
  }

  firstFrom(from: LocalMs): LocalMs | null {
    const today = Math.floor(from / DAY_MS);
    for (let day = today - 1; day <= today + 7; day++) {
      if (!this.isChosen(day)) continue;
      const start = day * DAY_MS + this.window.fromMs;
      const offset = Math.max(Math.ceil((from - start) / this.window.everyMs), 0) * this.window.everyMs;
      if (offset <= this.lengthMs) return start + offset;
    }
    return null;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    const today = Math.floor(until / DAY_MS);
    for (let day = today; day >= today - 8; day--) {
      if (!this.isChosen(day)) continue;
      const start = day * DAY_MS + this.window.fromMs;
      const offset = Math.min(until - start, this.lengthMs);
      if (offset >= 0) return start + Math.floor(offset / this.window.everyMs) * this.window.everyMs;
    }
    return null;
  }

  private isChosen(day: number): boolean {
    return ((this.window.weekdays >> weekdayOf(day)) & 1) === 1;
  }
}
