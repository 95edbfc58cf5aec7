import { civilDate, dayNumber, DAY_MS, SECOND_MS, type LocalMs } from './civil.js';
import { daysOfMonth, daysOfWeeks, END_DAY, FIRST_DAY, MatchingDays } from './recurrence-days.js';
import type { DayRule, Frequency, RecurrenceRule } from './recurrence-rule.js';
import { countError } from './recurrence-text.js';
import { CombinedSeconds, pickedIndexes, type SecondSet } from './second-set.js';
import { NO_SECOND } from './times-of-day.js';
import type { LocalTimes } from './zoned-times.js';

/**
 * The times of a WEEKLY, MONTHLY or YEARLY rule: the days of a period, each at every time of day, out of
 * which BYSETPOS picks. A search walks the periods, and the years 1970 to 2199 hold at most 12,001 of them;
 * the times of a day are combined by arithmetic only.
 */
export class PeriodTimes implements LocalTimes {
  private readonly periods: Periods;
  private readonly anchor: number;
  private readonly last: number;
  /** A week of one year and a day put off into the next month may lie one period before or after their own. */
  private readonly reach: number;
  private readonly times: SecondSet;
  /** The picked indexes by the number of times in a period; few numbers come up. */
  private readonly picked = new Map<number, readonly number[]>();
  private readonly startSecond: number;
  private readonly interval: number;
  private readonly positions: readonly number[] | null;
  private readonly maxEmpty: number;

  constructor(rule: RecurrenceRule, dtstart: LocalMs) {
    this.periods = periodsOf(rule);
    this.anchor = this.periods.indexOf(Math.floor(dtstart / DAY_MS));
    this.reach = rule.days.weekNumbers !== null || rule.days.skip === 'FORWARD' ? 1 : 0;
    this.last = this.periods.indexOf(END_DAY) + 1;
    this.times = new CombinedSeconds(rule.times);
    this.startSecond = Math.floor(dtstart / SECOND_MS);
    this.interval = rule.interval;
    this.positions = rule.positions;
    this.maxEmpty = PERIODS_OF_28_YEARS[rule.frequency] * 2 + 2;
  }

  firstFrom(from: LocalMs): LocalMs | null {
    const second = Math.max(Math.ceil(from / SECOND_MS), this.startSecond, FIRST_DAY * 86_400);
    const before = this.periods.indexOf(Math.floor(second / 86_400)) - this.reach;
    const steps = Math.max(Math.ceil((before - this.anchor) / this.interval), 0);
    let empty = 0;
    for (let period = this.anchor + steps * this.interval; period <= this.last; period += this.interval) {
      if (empty++ > this.maxEmpty) return null;
      const found = this.firstIn(this.periods.daysOf(period), second);
      if (found !== null) return found * SECOND_MS;
    }
    return null;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    const second = Math.min(Math.floor(until / SECOND_MS), END_DAY * 86_400 - 1);
    const after = this.periods.indexOf(Math.floor(second / 86_400)) + this.reach;
    const steps = Math.floor((after - this.anchor) / this.interval);
    const first = Math.max(this.anchor, this.periods.indexOf(FIRST_DAY) - 1);
    let empty = 0;
    for (let period = this.anchor + steps * this.interval; period >= first; period -= this.interval) {
      if (empty++ > this.maxEmpty) return null;
      const found = this.lastIn(this.periods.daysOf(period), second);
      if (found !== null) return found >= this.startSecond ? found * SECOND_MS : null;
    }
    return null;
  }

  /**
   * The `count`-th time from the start on, or null when it lies after the last year. Errors:
   * `CJ_SCHEDULE_INVALID` when it lies more than `MAX_WALKED_PERIODS` after the start.
   */
  nth(count: number): LocalMs | null {
    let left = count;
    let walked = 0;
    for (let period = this.anchor; period <= this.last; period += this.interval) {
      if (walked++ > MAX_WALKED_PERIODS) throw countError(count);
      const days = this.periods.daysOf(period);
      const indexes = this.indexesOf(days);
      const size = indexes?.length ?? days.length * this.times.size;
      // The first week of the following year may begin before the start as well.
      const passed = period <= this.anchor + 1 ? this.countBeforeStart(days, size) : 0;
      if (left <= size - passed) {
        const index = passed + left - 1;
        return this.timeOf(days, indexes?.[index] ?? index) * SECOND_MS;
      }
      left -= size - passed;
    }
    return null;
  }

  /** How many times of a period lie before the start: found by halving, there may be millions. */
  private countBeforeStart(days: readonly number[], size: number): number {
    const indexes = this.indexesOf(days);
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.timeOf(days, indexes?.[middle] ?? middle) < this.startSecond) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private firstIn(days: readonly number[], second: number): number | null {
    const indexes = this.indexesOf(days);
    if (indexes !== null) {
      const index = indexes.find((i) => this.timeOf(days, i) >= second);
      return index === undefined ? null : this.timeOf(days, index);
    }
    for (const day of days) {
      if ((day + 1) * 86_400 <= second) continue;
      const time = this.times.firstFrom(second - day * 86_400);
      if (time !== NO_SECOND) return day * 86_400 + time;
    }
    return null;
  }

  private lastIn(days: readonly number[], second: number): number | null {
    const indexes = this.indexesOf(days);
    if (indexes !== null) {
      const index = indexes.findLast((i) => this.timeOf(days, i) <= second);
      return index === undefined ? null : this.timeOf(days, index);
    }
    for (let i = days.length - 1; i >= 0; i--) {
      const day = days[i] as number;
      if (day * 86_400 > second) continue;
      const time = this.times.lastUntil(second - day * 86_400);
      if (time !== NO_SECOND) return day * 86_400 + time;
    }
    return null;
  }

  /** What BYSETPOS picks; null = all. */
  private indexesOf(days: readonly number[]): readonly number[] | null {
    if (this.positions === null) return null;
    const size = days.length * this.times.size;
    const known = this.picked.get(size);
    if (known !== undefined) return known;
    const indexes = pickedIndexes(this.positions, size);
    this.picked.set(size, indexes);
    return indexes;
  }

  private timeOf(days: readonly number[], index: number): number {
    const day = days[Math.floor(index / this.times.size)] as number;
    return day * 86_400 + this.times.nth(index % this.times.size);
  }
}

/**
 * The calendar repeats after 28 years (1,461 weeks), but for the step at 2100: what does not come in two such
 * rounds, whatever the interval, never comes.
 */
const PERIODS_OF_28_YEARS: Readonly<Record<Frequency, number>> = {
  SECONDLY: Infinity,
  MINUTELY: Infinity,
  HOURLY: Infinity,
  DAILY: Infinity,
  WEEKLY: 1461,
  MONTHLY: 336,
  YEARLY: 28,
};
/** More periods than this are not counted through; 4,000 weeks are 76 years. */
const MAX_WALKED_PERIODS = 4000;

/** Weeks, months or years, numbered without a gap. */
interface Periods {
  indexOf(day: number): number;
  /** Ascending. */
  daysOf(period: number): readonly number[];
}

function periodsOf({ frequency, days }: RecurrenceRule): Periods {
  if (frequency === 'WEEKLY') return weeks(days);
  if (frequency === 'MONTHLY') return months(days);
  return days.weekNumbers === null ? years(days) : { indexOf: yearOf, daysOf: (year) => daysOfWeeks(days, year) };
}

function weeks(rule: DayRule): Periods {
  // Day 0, 1 January 1970, is a Thursday.
  const shift = (rule.weekStart - 4 + 7) % 7;
  const matching = new MatchingDays(rule);
  return {
    indexOf: (day) => Math.floor((day - shift) / 7),
    daysOf: (week) => {
      const days: number[] = [];
      const first = week * 7 + shift;
      for (let day = first; day < first + 7; day++) if (matching.has(day)) days.push(day);
      return days;
    },
  };
}

function months(rule: DayRule): Periods {
  return {
    indexOf: (day) => {
      const { year, month } = civilDate(day);
      return year * 12 + month - 1;
    },
    daysOf: (index) => addDays([], rule, { year: Math.floor(index / 12), month: (index % 12) + 1 }),
  };
}

function years(rule: DayRule): Periods {
  return {
    indexOf: yearOf,
    daysOf: (year) => {
      const days: number[] = [];
      for (let month = 1; month <= 12; month++) addDays(days, rule, { year, month });
      return days;
    },
  };
}

function yearOf(day: number): number {
  return civilDate(day).year;
}

/** Adds the days of a month; the first of it may have come from the month before (SKIP=FORWARD). */
function addDays(days: number[], rule: DayRule, { year, month }: { year: number; month: number }): number[] {
  let bits = daysOfMonth(rule, year, month);
  if (bits === 0) return days;
  const first = dayNumber(year, month, 1);
  for (; bits !== 0; bits &= bits - 1) {
    const day = first + 31 - Math.clz32(bits & -bits);
    if (day !== days.at(-1)) days.push(day);
  }
  return days;
}
