import type { BitSet, BitSet60 } from './bit-sets.js';
import { daysInMonth, weekdayOf, dayNumber } from './civil.js';

/**
 * What a cron expression of either dialect says, in one form: bit sets, so that two expressions that mean
 * the same are equal. Readers make it, `CronTimes` searches it, `cronText` writes it again.
 */

export interface TimeField {
  readonly bits: BitSet60;
  /** Written with `*` or a step: such a field follows elapsed time through clock changes. */
  readonly isStepped: boolean;
}

export interface CronFields {
  readonly seconds: TimeField;
  readonly minutes: TimeField;
  /** Bits 0-23, in `low` only. */
  readonly hours: TimeField;
  readonly days: DayOfMonthField;
  /** Bits 1-12. */
  readonly months: BitSet;
  readonly weekdays: WeekdayField;
  /** Sorted; null = every year. */
  readonly years: readonly number[] | null;
}

export interface DayOfMonthField {
  /** Written `*` or `?`: then only the days of the week decide. */
  readonly isAny: boolean;
  /** Bit `d - 1` = day `d`. */
  readonly bits: BitSet;
  /** Days before the last of the month: 0 = `L`, 3 = `L-3`. Sorted. */
  readonly fromLast: readonly number[];
  /** `15W`: the weekday nearest to the 15th within its month. Sorted. */
  readonly nearestWeekday: readonly number[];
  /** `LW` = 0, `L-3W` = 3: the weekday nearest to that day. Sorted. */
  readonly nearestWeekdayFromLast: readonly number[];
}

export interface WeekdayField {
  /** Written `*` or `?`: then only the days of the month decide. */
  readonly isAny: boolean;
  /** Bit 0 = Sunday. */
  readonly bits: BitSet;
  /** `6L`, `FRIL`: the last one of the month. */
  readonly last: BitSet;
  /** `MON#2`: pairs of weekday (0 = Sunday) and number (1-5). Sorted. */
  readonly nth: readonly (readonly [weekday: number, n: number])[];
}

/** All the days of a month that match, bit `d - 1` = day `d`. Days of month and of week, both given: either. */
export function matchingDays(fields: CronFields, year: number, month: number): BitSet {
  const length = daysInMonth(year, month);
  const all = length === 31 ? 0x7fffffff : (1 << length) - 1;
  const { days, weekdays } = fields;
  if (days.isAny && weekdays.isAny) return all;
  const firstWeekday = weekdayOf(dayNumber(year, month, 1));
  const ofMonth = days.isAny ? 0 : daysOfMonth(days, length, firstWeekday);
  const ofWeek = weekdays.isAny ? 0 : daysOfWeek(weekdays, length, firstWeekday);
  return (ofMonth | ofWeek) & all;
}

function daysOfMonth(field: DayOfMonthField, length: number, firstWeekday: number): BitSet {
  let bits = field.bits;
  for (const n of field.fromLast) if (n < length) bits |= 1 << (length - n - 1);
  for (const day of field.nearestWeekday) {
    if (day <= length) bits |= 1 << (nearestWeekday(day, length, firstWeekday) - 1);
  }
  for (const n of field.nearestWeekdayFromLast) {
    if (n < length) bits |= 1 << (nearestWeekday(length - n, length, firstWeekday) - 1);
  }
  return bits;
}

function nearestWeekday(day: number, length: number, firstWeekday: number): number {
  const weekday = (firstWeekday + day - 1) % 7;
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === length ? day - 2 : day + 1;
  return day;
}

function daysOfWeek(field: WeekdayField, length: number, firstWeekday: number): BitSet {
  let bits = 0;
  for (let weekday = 0; weekday < 7; weekday++) {
    const first = (weekday - firstWeekday + 7) % 7;
    if ((field.bits >> weekday) & 1) bits |= EVERY_SEVENTH << first;
    if ((field.last >> weekday) & 1) bits |= 1 << (first + 28 < length ? first + 28 : first + 21);
  }
  for (const [weekday, n] of field.nth) {
    const day = ((weekday - firstWeekday + 7) % 7) + (n - 1) * 7;
    if (day < length) bits |= 1 << day;
  }
  return bits;
}

/** Days 1, 8, 15, 22 and 29. */
const EVERY_SEVENTH = 0x10204081;
