import { civilDate, DAY_MS, daysInMonth, dayNumber, type LocalMs } from './civil.js';
import type { LocalTimes } from './zoned-times.js';

/** `anchor + n·days` at the anchor's time of day. */
export class DayIntervalTimes implements LocalTimes {
  private readonly periodMs: number;

  constructor(
    days: number,
    private readonly anchor: LocalMs,
  ) {
    this.periodMs = days * DAY_MS;
  }

  firstFrom(from: LocalMs): LocalMs {
    return this.anchor + Math.ceil((from - this.anchor) / this.periodMs) * this.periodMs;
  }

  lastUntil(until: LocalMs): LocalMs {
    return this.anchor + Math.floor((until - this.anchor) / this.periodMs) * this.periodMs;
  }
}

/**
 * `anchor + n·months`, the day clamped to the length of each month. Always counted from the anchor, so that
 * the 31st is the 31st again after February, and 29 February again in the next leap year.
 */
export class MonthIntervalTimes implements LocalTimes {
  private readonly anchorMonth: number;
  private readonly anchorDay: number;
  private readonly msOfDay: number;

  constructor(
    private readonly months: number,
    anchor: LocalMs,
  ) {
    const day = Math.floor(anchor / DAY_MS);
    const date = civilDate(day);
    this.anchorMonth = date.year * 12 + date.month - 1;
    this.anchorDay = date.day;
    this.msOfDay = anchor - day * DAY_MS;
  }

  firstFrom(from: LocalMs): LocalMs {
    const n = this.periodOf(from);
    for (let i = n; ; i++) {
      const at = this.nth(i);
      if (at >= from) return at;
    }
  }

  lastUntil(until: LocalMs): LocalMs {
    for (let i = this.periodOf(until) + 1; ; i--) {
      const at = this.nth(i);
      if (at <= until) return at;
    }
  }

  /** The last period that begins in or before the month of `local`. */
  private periodOf(local: LocalMs): number {
    const date = civilDate(Math.floor(local / DAY_MS));
    return Math.floor((date.year * 12 + date.month - 1 - this.anchorMonth) / this.months);
  }

  private nth(n: number): LocalMs {
    const index = this.anchorMonth + n * this.months;
    const year = Math.floor(index / 12);
    const month = index - year * 12 + 1;
    const day = Math.min(this.anchorDay, daysInMonth(year, month));
    return dayNumber(year, month, day) * DAY_MS + this.msOfDay;
  }
}
