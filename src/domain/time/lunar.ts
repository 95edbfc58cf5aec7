import { civilDate, DAY_MS, END_YEAR, FIRST_YEAR, type LocalMs } from './civil.js';
import { leapMonthOf, lunarMonths, type LunarMonth } from './lunar-years.js';
import type { LocalTimes } from './zoned-times.js';

/** In a year that has the leap month of this number: which of the two months counts. `only` = no other years. */
export type LeapMonthRule = 'regular' | 'leap' | 'both' | 'only';
/** Where day 30 goes in a month of 29 days. */
export type MissingDayRule = 'last' | 'next' | 'skip';

export interface LunarDate {
  /** 1-12 */
  readonly month: number;
  /** 1-30 */
  readonly day: number;
  readonly leapMonth: LeapMonthRule;
  readonly missingDay: MissingDayRule;
}

/**
 * A day of the Chinese calendar every lunar year (GB/T 33661-2017: the date is that of UTC+8 everywhere), at a
 * wall-clock time. Lunar years are walked, not Gregorian ones: one of those may hold none or two of the days.
 */
export class LunarTimes implements LocalTimes {
  constructor(
    private readonly date: LunarDate,
    private readonly msOfDay: number,
  ) {}

  firstFrom(from: LocalMs): LocalMs | null {
    const { year } = civilDate(Math.floor(from / DAY_MS));
    for (let y = Math.max(year - 1, FIRST_YEAR - 1); y < END_YEAR; y++) {
      const at = this.timesOf(y).find((time) => time >= from);
      if (at !== undefined) return at;
    }
    return null;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    const { year } = civilDate(Math.floor(until / DAY_MS));
    for (let y = Math.min(year, END_YEAR - 1); y >= FIRST_YEAR - 1; y--) {
      const at = this.timesOf(y).findLast((time) => time <= until);
      if (at !== undefined) return at;
    }
    return null;
  }

  private timesOf(lunarYear: number): readonly LocalMs[] {
    if (this.date.leapMonth === 'only' && leapMonthOf(lunarYear) !== this.date.month) return [];
    return this.monthsOf(lunarYear)
      .map((month) => this.dayIn(month))
      .filter((day) => day !== null)
      .map((day) => day * DAY_MS + this.msOfDay);
  }

  private monthsOf(lunarYear: number): readonly LunarMonth[] {
    const named = lunarMonths(lunarYear).filter((month) => month.number === this.date.month);
    const leap = named.filter((month) => month.isLeap);
    const { leapMonth } = this.date;
    if (leapMonth === 'both') return named;
    if (leapMonth === 'only' || (leapMonth === 'leap' && leap.length > 0)) return leap;
    return named.filter((month) => !month.isLeap);
  }

  private dayIn(month: LunarMonth): number | null {
    if (this.date.day <= month.length || this.date.missingDay === 'next') return month.firstDay + this.date.day - 1;
    return this.date.missingDay === 'last' ? month.firstDay + month.length - 1 : null;
  }
}

/** The lunar date of a Gregorian day: how a lunar time is shown. */
export function lunarDateOf(day: number): { year: number; month: number; isLeap: boolean; day: number } | null {
  const { year } = civilDate(day);
  for (const lunarYear of [year, year - 1]) {
    const month = lunarMonths(lunarYear).find((m) => day >= m.firstDay && day < m.firstDay + m.length);
    if (month !== undefined) {
      return { year: lunarYear, month: month.number, isLeap: month.isLeap, day: day - month.firstDay + 1 };
    }
  }
  return null;
}
