/** The proleptic Gregorian calendar in integers. A day is counted from 1970-01-01 (= 0); months are 1-12. */

export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** First and one past the last year in which schedules have fire times. */
export const FIRST_YEAR = 1970;
export const END_YEAR = 2200;

export interface CivilDate {
  readonly year: number;
  /** 1-12 */
  readonly month: number;
  /** 1-31 */
  readonly day: number;
}

/** Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil). */
export function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = ((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0;
  return era * 146_097 + yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear + day - 719_469;
}

/** Inverse of `dayNumber`. */
export function civilDate(dayNumber: number): CivilDate {
  const z = dayNumber + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0));
  const mp = ((5 * dayOfYear + 2) / 153) | 0;
  const month = mp < 10 ? mp + 3 : mp - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - (((153 * mp + 2) / 5) | 0) + 1,
  };
}

/** 0 = Sunday. */
export function weekdayOf(dayNumber: number): number {
  const weekday = (dayNumber + 4) % 7;
  return weekday < 0 ? weekday + 7 : weekday;
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * A wall-clock time as one number: what `Date.UTC` gives for the same digits. Only a zone turns it into an
 * instant, and it may stand for none (gap) or two (overlap).
 */
export type LocalMs = number;

export function localMs(date: CivilDate, msOfDay: number): LocalMs {
  return dayNumber(date.year, date.month, date.day) * DAY_MS + msOfDay;
}

/** Wall-clock times outside `[FIRST_LOCAL, END_LOCAL)` are never fire times. */
export const FIRST_LOCAL: LocalMs = dayNumber(FIRST_YEAR, 1, 1) * DAY_MS;
export const END_LOCAL: LocalMs = dayNumber(END_YEAR, 1, 1) * DAY_MS;
