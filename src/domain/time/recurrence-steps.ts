import { SECOND_MS, type LocalMs } from './civil.js';
import { END_DAY, FIRST_DAY, MatchingDays, takesEveryDay } from './recurrence-days.js';
import { startsOfPeriods, timesWithin, type Frequency, type RecurrenceRule } from './recurrence-rule.js';
import { countError } from './recurrence-text.js';
import { CombinedSeconds, ListedSeconds, pickedIndexes, type SecondSet } from './second-set.js';
import { NO_SECOND, secondFrom, secondUntil, type TimesOfDay } from './times-of-day.js';
import type { LocalTimes } from './zoned-times.js';

/**
 * The times of a SECONDLY, MINUTELY, HOURLY or DAILY rule. A period of that length begins every `step`
 * seconds from the start on; it counts when its day matches and its beginning is one of the `starts`, and then
 * has the times of `within`.
 *
 * Whether a day holds a beginning depends only on how far it lies into the step. There are
 * `step / gcd(step, 86400)` such remainders, and to look at the day of every remainder once takes at most
 * `86400 / gcd` steps in all: a search that passes many days remembers which remainders have nothing. So none
 * takes more than one step for each second of a day and one for each day of 1970 to 2199, and none gives up.
 */
export class StepTimes implements LocalTimes {
  private readonly period: number;
  private readonly step: number;
  private readonly divisor: number;
  /** Beginning of the first period. */
  private readonly anchor: number;
  private readonly startSecond: number;
  private readonly starts: TimesOfDay;
  private readonly within: SecondSet;
  private readonly days: MatchingDays;
  /** Nothing limits: every period counts. */
  private readonly isEvery: boolean;
  /** Seconds looked at since counting began. */
  private looks = 0;

  constructor(rule: RecurrenceRule, dtstart: LocalMs) {
    this.period = periodSeconds(rule.frequency);
    this.step = rule.interval * this.period;
    this.divisor = gcd(this.step, 86_400);
    this.startSecond = Math.floor(dtstart / SECOND_MS);
    this.anchor = Math.floor(this.startSecond / this.period) * this.period;
    this.starts = startsOfPeriods(rule.frequency, rule.times);
    this.within = withinOf(rule);
    this.days = new MatchingDays(rule.days);
    this.isEvery = takesEveryDay(rule.days) && new CombinedSeconds(this.starts).size === 86_400 / this.period;
  }

  firstFrom(from: LocalMs): LocalMs | null {
    if (this.within.size === 0) return null;
    const second = Math.max(Math.ceil(from / SECOND_MS), this.startSecond, FIRST_DAY * 86_400);
    const current = second - mod(second, this.period);
    let begin = this.periodFrom(current);
    if (begin === current) {
      const found = this.within.firstFrom(second - current);
      if (found !== NO_SECOND) return (current + found) * SECOND_MS;
      begin = this.periodFrom(current + this.period);
    }
    return begin === null ? null : (begin + this.within.nth(0)) * SECOND_MS;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    if (this.within.size === 0) return null;
    const second = Math.min(Math.floor(until / SECOND_MS), END_DAY * 86_400 - 1);
    const current = second - mod(second, this.period);
    let begin = this.periodUntil(current);
    let found = begin === current ? this.within.lastUntil(second - current) : NO_SECOND;
    if (begin === current && found === NO_SECOND) begin = this.periodUntil(current - this.period);
    if (begin === null) return null;
    if (found === NO_SECOND) found = this.within.nth(this.within.size - 1);
    return begin + found >= this.startSecond ? (begin + found) * SECOND_MS : null;
  }

  /**
   * The `count`-th time from the start on, or null when it lies after the last year. Walks all periods, unless
   * nothing limits them. Errors: `CJ_SCHEDULE_INVALID` when that takes more than `MAX_LOOKS_TO_COUNT`.
   */
  nth(count: number): LocalMs | null {
    const { size } = this.within;
    if (size === 0) return null;
    let index = count - 1;
    // The first period is cut by the start: count as if it were whole.
    if (this.periodFrom(this.anchor) === this.anchor) index += this.countBeforeStart();
    const begin = this.nthPeriod(Math.floor(index / size), count);
    return begin === null ? null : (begin + this.within.nth(index % size)) * SECOND_MS;
  }

  /** Beginning of the period with this index among those that count. */
  private nthPeriod(index: number, count: number): number | null {
    if (this.isEvery) return this.anchor + index * this.step;
    // Every period takes one look at least.
    if (index > MAX_LOOKS_TO_COUNT) throw countError(count);
    this.looks = 0;
    let begin = this.periodFrom(this.anchor);
    for (let n = 0; n < index && begin !== null; n++) {
      if (this.looks > MAX_LOOKS_TO_COUNT) throw countError(count);
      begin = this.periodFrom(begin + this.period);
    }
    return begin;
  }

  private countBeforeStart(): number {
    let low = 0;
    let high = this.within.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.anchor + this.within.nth(middle) < this.startSecond) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private firstDay(from: number): number {
    return this.days.firstFrom(Math.floor(from / 86_400));
  }

  /** Beginning of the first period that counts, at or after `from`. */
  private periodFrom(from: number): number | null {
    let at = this.alignedFrom(Math.max(from, this.anchor));
    let empty: Uint8Array | null = null;
    for (let n = 0; ; n++) {
      const day = this.firstDay(at);
      if (day >= END_DAY) return null;
      if (day * 86_400 > at) at = this.alignedFrom(day * 86_400);
      if (at >= (day + 1) * 86_400) continue;
      const remainder = this.remainderOf(day);
      if (empty?.[remainder] !== 1) {
        const found = this.firstInDay(day, at);
        if (found !== null) return found;
        if (n === DAYS_BEFORE_REMEMBERING && this.step < 86_400) empty = new Uint8Array(this.step / this.divisor);
        if (empty !== null && n > DAYS_BEFORE_REMEMBERING) empty[remainder] = 1;
      }
      at = this.alignedFrom((day + 1) * 86_400);
    }
  }

  /** Beginning of the last period that counts, at or before `until`. */
  private periodUntil(until: number): number | null {
    let at = this.alignedUntil(until);
    let empty: Uint8Array | null = null;
    for (let n = 0; at >= this.anchor; n++) {
      const day = this.days.lastUntil(Math.floor(at / 86_400));
      if (day === null) return null;
      if ((day + 1) * 86_400 <= at) at = this.alignedUntil((day + 1) * 86_400 - 1);
      if (at < day * 86_400) continue;
      const remainder = this.remainderOf(day);
      if (empty?.[remainder] !== 1) {
        const found = this.lastInDay(day, at);
        if (found !== null) return found >= this.anchor ? found : null;
        if (n === DAYS_BEFORE_REMEMBERING && this.step < 86_400) empty = new Uint8Array(this.step / this.divisor);
        if (empty !== null && n > DAYS_BEFORE_REMEMBERING) empty[remainder] = 1;
      }
      at = this.alignedUntil(day * 86_400 - 1);
    }
    return null;
  }

  /** The first beginning in a day at or after `from`, whether the day matches or not. */
  private firstInDay(day: number, from: number): number | null {
    const midnight = day * 86_400;
    for (let at = this.alignedFrom(from); at < midnight + 86_400;) {
      this.looks++;
      const start = secondFrom(this.starts, at - midnight);
      if (start === at - midnight) return at;
      if (start === NO_SECOND) return null;
      at = this.alignedFrom(midnight + start);
    }
    return null;
  }

  /** The last beginning in a day at or before `until`, whether the day matches or not. */
  private lastInDay(day: number, until: number): number | null {
    const midnight = day * 86_400;
    for (let at = this.alignedUntil(until); at >= midnight;) {
      const start = secondUntil(this.starts, at - midnight);
      if (start === at - midnight) return at;
      if (start === NO_SECOND) return null;
      at = this.alignedUntil(midnight + start);
    }
    return null;
  }

  private alignedFrom(from: number): number {
    return from + mod(this.anchor - from, this.step);
  }

  private alignedUntil(until: number): number {
    return until - mod(until - this.anchor, this.step);
  }

  /** Days of one remainder hold the same beginnings. Below `step / divisor`. */
  private remainderOf(day: number): number {
    return Math.floor(mod(this.anchor - day * 86_400, this.step) / this.divisor);
  }
}

const DAYS_BEFORE_REMEMBERING = 60;
/** Looks at one second each that counting may take: a millisecond or two. */
const MAX_LOOKS_TO_COUNT = 5000;

/** Of a frequency below a week. */
export function periodSeconds(frequency: Frequency): number {
  return frequency === 'SECONDLY' ? 1 : frequency === 'MINUTELY' ? 60 : frequency === 'HOURLY' ? 3600 : 86_400;
}

function withinOf({ frequency, times, positions }: RecurrenceRule): SecondSet {
  const all = new CombinedSeconds(timesWithin(frequency, times));
  if (positions === null) return all;
  return new ListedSeconds(pickedIndexes(positions, all.size).map((index) => all.nth(index)));
}

export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The remainder, never negative. */
export function mod(value: number, divisor: number): number {
  const rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}
