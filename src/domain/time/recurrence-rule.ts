import { bits60Of, bitsOf, type BitSet, type BitSet60 } from './bit-sets.js';
import { civilDate, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, weekdayOf, type LocalMs } from './civil.js';
import { ruleError } from './recurrence-text.js';
import type { TimesOfDay } from './times-of-day.js';

export type Frequency = 'SECONDLY' | 'MINUTELY' | 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';

export function isBelowWeek(frequency: Frequency): boolean {
  return frequency !== 'WEEKLY' && frequency !== 'MONTHLY' && frequency !== 'YEARLY';
}

/** Which days a rule takes, out of the days of a month, year or week. What is absent does not limit. */
export interface DayRule {
  /** Bits 1-12. */
  readonly months: BitSet;
  /** 1-31, or negative from the end of the month. */
  readonly monthDays: readonly number[] | null;
  /** 1-366, or negative from the end of the year. */
  readonly yearDays: readonly number[] | null;
  /** 1-53, or negative from the end of the year. */
  readonly weekNumbers: readonly number[] | null;
  readonly weekdays: WeekdayRule | null;
  /** 0 = Sunday. */
  readonly weekStart: number;
  /** What becomes of a day that the month does not have (RFC 7529). */
  readonly skip: 'OMIT' | 'BACKWARD' | 'FORWARD';
}

export interface WeekdayRule {
  /** Bit 0 = Sunday. */
  readonly every: BitSet;
  /** `2MO`, `-1FR`: the n-th of the month or year. */
  readonly nth: readonly (readonly [weekday: number, n: number])[];
  readonly nthOf: 'month' | 'year';
}

/** A rule with all that RFC 5545 3.3.10 takes from the start filled in. */
export interface RecurrenceRule {
  readonly frequency: Frequency;
  readonly interval: number;
  readonly count: number | null;
  readonly days: DayRule;
  /** For frequencies below a day the values that limit, and those of the start that expand. */
  readonly times: TimesOfDay;
  /** 1-366 or -366--1. */
  readonly positions: readonly number[] | null;
}

export const ALL_MONTHS = 0b1_1111_1111_1110;

/** Errors: `CJ_SCHEDULE_INVALID`, field `rrule`, for parts that exclude each other. */
export function recurrenceRule(parts: ReadonlyMap<string, string>, dtstart: LocalMs): RecurrenceRule {
  const frequency = parts.get('FREQ') as Frequency;
  checkParts(parts, frequency);
  const count = parts.get('COUNT');
  return {
    frequency,
    interval: Number(parts.get('INTERVAL') ?? 1),
    count: count === undefined ? null : Number(count),
    days: dayRule(parts, frequency, dtstart),
    times: timesOfDay(parts, frequency, dtstart),
    positions: numbers(parts, 'BYSETPOS'),
  };
}

/** Parts that RFC 5545 3.3.10 rules out with a frequency ("MUST NOT"). */
function checkParts(parts: ReadonlyMap<string, string>, frequency: Frequency): void {
  const refuse = (name: string, allowed: string): void => {
    if (parts.has(name)) throw ruleError(`${name} has no meaning with FREQ=${frequency}`, allowed);
  };
  if (frequency !== 'YEARLY') refuse('BYWEEKNO', 'FREQ=YEARLY');
  if (frequency === 'WEEKLY') refuse('BYMONTHDAY', 'any other FREQ');
  if (['DAILY', 'WEEKLY', 'MONTHLY'].includes(frequency)) refuse('BYYEARDAY', 'FREQ=YEARLY, or HOURLY and below');
  const numbered = parts
    .get('BYDAY')
    ?.split(',')
    .find((day) => /\d/.test(day));
  if (numbered !== undefined && ((frequency !== 'MONTHLY' && frequency !== 'YEARLY') || parts.has('BYWEEKNO'))) {
    throw ruleError(
      `'${numbered}' in BYDAY has no meaning with ${parts.has('BYWEEKNO') ? 'BYWEEKNO' : `FREQ=${frequency}`}`,
      'a number before the day with FREQ=MONTHLY, or YEARLY without BYWEEKNO',
    );
  }
  if (parts.has('BYSETPOS') && ![...parts.keys()].some((name) => name.startsWith('BY') && name !== 'BYSETPOS')) {
    throw ruleError('BYSETPOS needs another BY part, out of whose times it picks');
  }
}

function dayRule(parts: ReadonlyMap<string, string>, frequency: Frequency, dtstart: LocalMs): DayRule {
  const start = Math.floor(dtstart / DAY_MS);
  const { month, day } = civilDate(start);
  const months = numbers(parts, 'BYMONTH');
  const isByMonth = frequency === 'MONTHLY' || frequency === 'YEARLY';
  const rule = {
    months: months === null ? ALL_MONTHS : bitsOf(months),
    monthDays: numbers(parts, 'BYMONTHDAY'),
    yearDays: numbers(parts, 'BYYEARDAY'),
    weekNumbers: numbers(parts, 'BYWEEKNO'),
    weekdays: weekdayRule(parts, frequency),
    weekStart: WEEKDAYS.indexOf(parts.get('WKST') ?? 'MO'),
    skip: (isByMonth ? (parts.get('SKIP') ?? 'OMIT') : 'OMIT') as DayRule['skip'],
  };
  const ofStart: WeekdayRule = { every: 1 << weekdayOf(start), nth: [], nthOf: 'month' };
  if (frequency === 'WEEKLY') return { ...rule, weekdays: rule.weekdays ?? ofStart };
  const hasDays = rule.monthDays !== null || rule.yearDays !== null || rule.weekdays !== null;
  if (hasDays || !isByMonth) return rule;
  if (rule.weekNumbers !== null) return { ...rule, weekdays: ofStart };
  const hasOwnMonth = frequency === 'YEARLY' && months === null;
  return { ...rule, months: hasOwnMonth ? 1 << month : rule.months, monthDays: [day] };
}

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

function weekdayRule(parts: ReadonlyMap<string, string>, frequency: Frequency): WeekdayRule | null {
  const days = parts.get('BYDAY')?.split(',');
  if (days === undefined) return null;
  const read = days.map((day) => [WEEKDAYS.indexOf(day.slice(-2)), Number(day.slice(0, -2))] as const);
  return {
    every: bitsOf(read.filter(([, n]) => n === 0).map(([weekday]) => weekday)),
    nth: read.filter(([, n]) => n !== 0),
    nthOf: frequency === 'YEARLY' && !parts.has('BYMONTH') ? 'year' : 'month',
  };
}

const ALL_HOURS = 0xffffff;
const ALL_60: BitSet60 = { low: 0x3fffffff, high: 0x3fffffff };

/** A part that is absent limits nothing at its own frequency and below, and is taken from the start above it. */
function timesOfDay(parts: ReadonlyMap<string, string>, frequency: Frequency, dtstart: LocalMs): TimesOfDay {
  const msOfDay = dtstart - Math.floor(dtstart / DAY_MS) * DAY_MS;
  const hours = numbers(parts, 'BYHOUR');
  const minutes = numbers(parts, 'BYMINUTE');
  const seconds = numbers(parts, 'BYSECOND');
  const isHourly = frequency === 'HOURLY';
  const isMinutely = frequency === 'MINUTELY';
  const isSecondly = frequency === 'SECONDLY';
  const ofStart = (unitMs: number, size: number): number[] => [Math.floor(msOfDay / unitMs) % size];
  return {
    hours: hours === null && (isHourly || isMinutely || isSecondly) ? ALL_HOURS : bitsOf(hours ?? ofStart(HOUR_MS, 24)),
    minutes: minutes === null && (isMinutely || isSecondly) ? ALL_60 : bits60Of(minutes ?? ofStart(MINUTE_MS, 60)),
    seconds: seconds === null && isSecondly ? ALL_60 : bits60Of(seconds ?? ofStart(SECOND_MS, 60)),
  };
}

const ONLY_ZERO = bits60Of([0]);

/** The times of day at which periods below a week may begin. */
export function startsOfPeriods(frequency: Frequency, { hours, minutes, seconds }: TimesOfDay): TimesOfDay {
  return {
    hours: frequency === 'DAILY' ? 1 : hours,
    minutes: frequency === 'DAILY' || frequency === 'HOURLY' ? ONLY_ZERO : minutes,
    seconds: frequency === 'SECONDLY' ? seconds : ONLY_ZERO,
  };
}

/** The times within a period below a week, counted from its beginning; of longer ones, those of a day. */
export function timesWithin(frequency: Frequency, { hours, minutes, seconds }: TimesOfDay): TimesOfDay {
  const isBelowDay = frequency === 'HOURLY' || frequency === 'MINUTELY' || frequency === 'SECONDLY';
  return {
    hours: isBelowDay ? 1 : hours,
    minutes: frequency === 'MINUTELY' || frequency === 'SECONDLY' ? ONLY_ZERO : minutes,
    seconds: frequency === 'SECONDLY' ? ONLY_ZERO : seconds,
  };
}

function numbers(parts: ReadonlyMap<string, string>, name: string): readonly number[] | null {
  return parts.get(name)?.split(',').map(Number) ?? null;
}
