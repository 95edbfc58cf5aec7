import { civilDate, DAY_MS, dayNumber, END_YEAR, FIRST_YEAR, SECOND_MS, type LocalMs } from './civil.js';
import { matchingDays, type BitSet, type BitSet60, type CronFields } from './cron-fields.js';
import type { LocalTimes } from './zoned-times.js';

/**
 * The wall-clock times of a cron expression, found by bit arithmetic: the second within the day, else the
 * next matching day within its month, else month by month. No step depends on how far the match lies: the
 * longest way, from one 29 February to another on a given weekday, is 40 steps of one year.
 */
export class CronTimes implements LocalTimes {
  private readonly firstSecond: number;
  private readonly lastSecond: number;

  constructor(private readonly fields: CronFields) {
    this.firstSecond = this.secondFrom(0);
    this.lastSecond = this.secondUntil(86_399);
  }

  firstFrom(from: LocalMs): LocalMs | null {
    const seconds = Math.ceil(from / SECOND_MS);
    const today = Math.floor(seconds / 86_400);
    const day = this.dayFrom(today);
    if (day === NONE) return null;
    if (day > today) return day * DAY_MS + this.firstSecond * SECOND_MS;
    const second = this.secondFrom(seconds - today * 86_400);
    if (second !== NONE) return day * DAY_MS + second * SECOND_MS;
    const later = this.dayFrom(today + 1);
    return later === NONE ? null : later * DAY_MS + this.firstSecond * SECOND_MS;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    const seconds = Math.floor(until / SECOND_MS);
    const today = Math.floor(seconds / 86_400);
    const day = this.dayUntil(today);
    if (day === NONE) return null;
    if (day < today) return day * DAY_MS + this.lastSecond * SECOND_MS;
    const second = this.secondUntil(seconds - today * 86_400);
    if (second !== NONE) return day * DAY_MS + second * SECOND_MS;
    const earlier = this.dayUntil(today - 1);
    return earlier === NONE ? null : earlier * DAY_MS + this.lastSecond * SECOND_MS;
  }

  private dayFrom(start: number): number {
    const date = civilDate(start);
    let day = date.day;
    let month = date.month;
    for (let year = this.yearFrom(date.year); year !== NONE; year = this.yearFrom(year + 1)) {
      if (year > date.year) day = month = 1;
      for (month = lowestFrom(this.fields.months, month); month <= 12; month = lowestFrom(this.fields.months, month)) {
        if (year > date.year || month > date.month) day = 1;
        const match = lowestFrom(matchingDays(this.fields, year, month), day - 1);
        if (match < 31) return dayNumber(year, month, match + 1);
        month++;
      }
    }
    return NONE;
  }

  private dayUntil(start: number): number {
    const date = civilDate(start);
    let day = date.day;
    let month = date.month;
    for (let year = this.yearUntil(date.year); year !== NONE; year = this.yearUntil(year - 1)) {
      if (year < date.year) month = 12;
      for (
        month = highestUntil(this.fields.months, month);
        month >= 1;
        month = highestUntil(this.fields.months, month)
      ) {
        if (year < date.year || month < date.month) day = 31;
        const match = highestUntil(matchingDays(this.fields, year, month), day - 1);
        if (match >= 0) return dayNumber(year, month, match + 1);
        month--;
      }
    }
    return NONE;
  }

  private yearFrom(year: number): number {
    const from = Math.max(year, FIRST_YEAR);
    if (this.fields.years !== null) return this.fields.years.find((y) => y >= from) ?? NONE;
    return from < END_YEAR ? from : NONE;
  }

  private yearUntil(year: number): number {
    const until = Math.min(year, END_YEAR - 1);
    if (this.fields.years !== null) return this.fields.years.findLast((y) => y <= until) ?? NONE;
    return until >= FIRST_YEAR ? until : NONE;
  }

  /** The first matching second of the day at or after `second`, or NONE. */
  private secondFrom(second: number): number {
    const { hours, minutes, seconds } = this.fields;
    const hour = (second / 3600) | 0;
    const minute = ((second / 60) | 0) % 60;
    if (has(hours.bits.low, hour)) {
      if (has60(minutes.bits, minute)) {
        const found = lowestFrom60(seconds.bits, second % 60);
        if (found < 60) return hour * 3600 + minute * 60 + found;
      }
      const found = lowestFrom60(minutes.bits, minute + 1);
      if (found < 60) return hour * 3600 + found * 60 + lowestFrom60(seconds.bits, 0);
    }
    const found = lowestFrom(hours.bits.low, hour + 1);
    if (found > 23) return NONE;
    return found * 3600 + lowestFrom60(minutes.bits, 0) * 60 + lowestFrom60(seconds.bits, 0);
  }

  /** The last matching second of the day at or before `second`, or NONE. */
  private secondUntil(second: number): number {
    const { hours, minutes, seconds } = this.fields;
    const hour = (second / 3600) | 0;
    const minute = ((second / 60) | 0) % 60;
    if (has(hours.bits.low, hour)) {
      if (has60(minutes.bits, minute)) {
        const found = highestUntil60(seconds.bits, second % 60);
        if (found >= 0) return hour * 3600 + minute * 60 + found;
      }
      const found = highestUntil60(minutes.bits, minute - 1);
      if (found >= 0) return hour * 3600 + found * 60 + highestUntil60(seconds.bits, 59);
    }
    const found = highestUntil(hours.bits.low, hour - 1);
    if (found < 0) return NONE;
    return found * 3600 + highestUntil60(minutes.bits, 59) * 60 + highestUntil60(seconds.bits, 59);
  }
}

const NONE = -1e9;

function has(bits: BitSet, value: number): boolean {
  return ((bits >>> value) & 1) === 1;
}

function has60(bits: BitSet60, value: number): boolean {
  return value < 30 ? has(bits.low, value) : has(bits.high, value - 30);
}

/** The lowest member at or above `from`, or 32. */
function lowestFrom(bits: BitSet, from: number): number {
  const rest = from > 31 ? 0 : bits & (-1 << from);
  return rest === 0 ? 32 : 31 - Math.clz32(rest & -rest);
}

/** The highest member at or below `until`, or -1. */
function highestUntil(bits: BitSet, until: number): number {
  if (until < 0) return -1;
  const rest = until >= 31 ? bits : bits & ((1 << (until + 1)) - 1);
  return 31 - Math.clz32(rest);
}

/** As `lowestFrom`; 60 or more = none. */
function lowestFrom60(bits: BitSet60, from: number): number {
  if (from < 30) {
    const found = lowestFrom(bits.low, from);
    if (found < 30) return found;
    return 30 + lowestFrom(bits.high, 0);
  }
  return 30 + lowestFrom(bits.high, from - 30);
}

function highestUntil60(bits: BitSet60, until: number): number {
  if (until >= 30) {
    const found = highestUntil(bits.high, until - 30);
    if (found >= 0) return 30 + found;
    return highestUntil(bits.low, 29);
  }
  return highestUntil(bits.low, until);
}
