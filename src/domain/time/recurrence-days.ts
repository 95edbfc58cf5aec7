import { has, highestUntil, lowestFrom, type BitSet } from './bit-sets.js';
import { civilDate, dayNumber, daysInMonth, END_YEAR, FIRST_YEAR, isLeapYear, weekdayOf } from './civil.js';
import { ALL_MONTHS, type DayRule } from './recurrence-rule.js';

/** First and one past the last day on which anything fires. */
export const FIRST_DAY = dayNumber(FIRST_YEAR, 1, 1);
export const END_DAY = dayNumber(END_YEAR, 1, 1);

/** Days 1, 8, 15, 22 and 29. */
const EVERY_SEVENTH = 0x10204081;

/**
 * The days of a month that the rule takes: bit `d - 1` = day `d`. With SKIP=FORWARD the bit after the last
 * day is the first of the next month. Week numbers are not looked at.
 */
export function daysOfMonth(rule: DayRule, year: number, month: number): BitSet {
  if (!has(rule.months, month)) return 0;
  const length = daysInMonth(year, month);
  let bits = length === 31 ? 0x7fffffff : (1 << length) - 1;
  if (rule.monthDays !== null) bits = monthDayBits(rule.monthDays, length, rule.skip);
  if (rule.yearDays === null && rule.weekdays === null) return bits;
  const first = dayNumber(year, month, 1);
  if (rule.yearDays !== null) bits &= yearDayBits(rule.yearDays, { first, length, year });
  if (rule.weekdays !== null) bits &= weekdayBits(rule, { first, length, year });
  return bits;
}

function monthDayBits(days: readonly number[], length: number, skip: DayRule['skip']): BitSet {
  let bits = 0;
  for (const day of days) {
    const index = day > 0 ? day - 1 : length + day;
    if (index >= 0 && index < length) bits |= 1 << index;
    else if (day > 0 && skip !== 'OMIT') bits |= 1 << (skip === 'BACKWARD' ? length - 1 : length);
  }
  return bits;
}

interface Month {
  /** Day number of its first day. */
  readonly first: number;
  readonly length: number;
  readonly year: number;
}

function yearDayBits(days: readonly number[], { first, length, year }: Month): BitSet {
  const offset = first - dayNumber(year, 1, 1);
  const yearLength = isLeapYear(year) ? 366 : 365;
  let bits = 0;
  for (const day of days) {
    const index = (day > 0 ? day - 1 : yearLength + day) - offset;
    if (index >= 0 && index < length) bits |= 1 << index;
  }
  return bits;
}

function weekdayBits({ weekdays }: DayRule, { first, length, year }: Month): BitSet {
  if (weekdays === null) return 0;
  const firstWeekday = weekdayOf(first);
  let bits = 0;
  for (let weekday = 0; weekday < 7; weekday++) {
    if (has(weekdays.every, weekday)) bits |= EVERY_SEVENTH << ((weekday - firstWeekday + 7) % 7);
  }
  const start = weekdays.nthOf === 'month' ? first : dayNumber(year, 1, 1);
  const size = weekdays.nthOf === 'month' ? length : isLeapYear(year) ? 366 : 365;
  for (const [weekday, n] of weekdays.nth) {
    const index = start - first + nthWeekday(weekday, n, { weekday: weekdayOf(start), size });
    if (index >= 0 && index < length) bits |= 1 << index;
  }
  return bits;
}

/** Days from the start of a stretch to its n-th weekday; out of every month where there is none. */
function nthWeekday(weekday: number, n: number, start: { weekday: number; size: number }): number {
  const first = (weekday - start.weekday + 7) % 7;
  const last = first + Math.floor((start.size - 1 - first) / 7) * 7;
  const index = n > 0 ? first + (n - 1) * 7 : last + (n + 1) * 7;
  return index >= 0 && index < start.size ? index : -1e6;
}

/** The days of the weeks of a year that the rule takes, ascending. Week 1 has at least four days in the year. */
export function daysOfWeeks(rule: DayRule, year: number): number[] {
  const start = firstWeek(rule.weekStart, year);
  const count = (firstWeek(rule.weekStart, year + 1) - start) / 7;
  const weeks = new Set((rule.weekNumbers ?? []).map((number) => (number > 0 ? number - 1 : count + number)));
  const days: number[] = [];
  const matching = new MatchingDays(rule);
  for (let week = 0; week < count; week++) {
    if (!weeks.has(week)) continue;
    for (let day = start + week * 7; day < start + week * 7 + 7; day++) if (matching.has(day)) days.push(day);
  }
  return days;
}

/** Day number of the first day of week 1. */
function firstWeek(weekStart: number, year: number): number {
  const january4 = dayNumber(year, 1, 4);
  return january4 - ((weekdayOf(january4) - weekStart + 7) % 7);
}

export function takesEveryDay({ months, monthDays, yearDays, weekdays }: DayRule): boolean {
  return months === ALL_MONTHS && monthDays === null && yearDays === null && weekdays === null;
}

/**
 * Longest way between two days of one rule: from 29 February on one weekday to the next around a year such as
 * 2100 (40 years).
 */
const MAX_GAP_DAYS = 41 * 366;

/** The days that a rule takes, searched month by month. Remembers the month it looked at last. */
export class MatchingDays {
  private start = 0;
  private end = 0;
  private bits: BitSet = 0;

  constructor(private readonly rule: DayRule) {}

  has(day: number): boolean {
    this.look(day);
    return has(this.bits, day - this.start);
  }

  /** The first day at or after `from`; `END_DAY` = none. */
  firstFrom(from: number): number {
    const end = Math.min(END_DAY, from + MAX_GAP_DAYS);
    for (let day = from; day < end; day = this.end) {
      this.look(day);
      const found = lowestFrom(this.bits, day - this.start);
      if (found < 32) return this.start + found;
    }
    return END_DAY;
  }

  /** The last day at or before `until`, or null. */
  lastUntil(until: number): number | null {
    const last = Math.min(until, END_DAY - 1);
    const first = Math.max(FIRST_DAY, last - MAX_GAP_DAYS);
    for (let day = last; day >= first; day = this.start - 1) {
      this.look(day);
      const found = highestUntil(this.bits, day - this.start);
      if (found >= 0) return this.start + found;
    }
    return null;
  }

  private look(day: number): void {
    if (day >= this.start && day < this.end) return;
    const { year, month, day: dayOfMonth } = civilDate(day);
    this.start = day - dayOfMonth + 1;
    this.end = this.start + daysInMonth(year, month);
    this.bits = daysOfMonth(this.rule, year, month);
  }
}
