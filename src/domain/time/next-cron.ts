import { civilDate, DAY_MS, dayNumber, END_YEAR, FIRST_YEAR, SECOND_MS, type LocalMs } from './civil.js';
import { highestUntil, lowestFrom } from './bit-sets.js';
import { matchingDays, type CronFields } from './cron-fields.js';
import { NO_SECOND, secondFrom, secondUntil, type TimesOfDay } from './times-of-day.js';
import type { LocalTimes } from './zoned-times.js';

/**
 * The wall-clock times of a cron expression, found by bit arithmetic: the second within the day, else the
 * next matching day within its month, else month by month. No step depends on how far the match lies: the
 * longest way, from one 29 February to another on a given weekday, is 40 steps of one year.
 */
export class CronTimes implements LocalTimes {
  private readonly times: TimesOfDay;
  private readonly firstSecond: number;
  private readonly lastSecond: number;

  constructor(private readonly fields: CronFields) {
    const { hours, minutes, seconds } = fields;
    this.times = { hours: hours.bits.low, minutes: minutes.bits, seconds: seconds.bits };
    this.firstSecond = secondFrom(this.times, 0);
    this.lastSecond = secondUntil(this.times, 86_399);
  }

  firstFrom(from: LocalMs): LocalMs | null {
    const seconds = Math.ceil(from / SECOND_MS);
    const today = Math.floor(seconds / 86_400);
    const day = this.dayFrom(today);
    if (day === NONE) return null;
    if (day > today) return day * DAY_MS + this.firstSecond * SECOND_MS;
    const second = secondFrom(this.times, seconds - today * 86_400);
    if (second !== NO_SECOND) return day * DAY_MS + second * SECOND_MS;
    const later = this.dayFrom(today + 1);
    return later === NONE ? null : later * DAY_MS + this.firstSecond * SECOND_MS;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    const seconds = Math.floor(until / SECOND_MS);
    const today = Math.floor(seconds / 86_400);
    const day = this.dayUntil(today);
    if (day === NONE) return null;
    if (day < today) return day * DAY_MS + this.lastSecond * SECOND_MS;
    const second = secondUntil(this.times, seconds - today * 86_400);
    if (second !== NO_SECOND) return day * DAY_MS + second * SECOND_MS;
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
}

const NONE = -1e9;
