import { bitsOf, has, has60 } from './bit-sets.js';
import { DAY_MS, SECOND_MS, type LocalMs } from './civil.js';
import {
  isBelowWeek,
  startsOfPeriods,
  timesWithin,
  type DayRule,
  type Frequency,
  type RecurrenceRule,
} from './recurrence-rule.js';
import { gcd, mod, periodSeconds } from './recurrence-steps.js';
import { ruleError } from './recurrence-text.js';
import { CombinedSeconds } from './second-set.js';

/**
 * Refuses what arithmetic alone shows to have no times, so that no search has to find that out.
 * Errors: `CJ_SCHEDULE_INVALID`, field `rrule`.
 */
export function refuseImpossible(rule: RecurrenceRule, dtstart: LocalMs): void {
  checkMonthDays(rule.days);
  checkPositions(rule);
  checkInterval(rule, dtstart);
}

/** One of the months has one of the days at least. */
function checkMonthDays({ months, monthDays, skip }: DayRule): void {
  if (monthDays === null || skip !== 'OMIT') return;
  const longest = months & LONG_MONTHS ? 31 : months & ~(1 << 2) ? 30 : 29;
  if (monthDays.every((day) => Math.abs(day) > longest)) {
    throw ruleError(`'${monthDays.join(',')}' in BYMONTHDAY never matches: no month of the rule has such a day`);
  }
}

const LONG_MONTHS = bitsOf([1, 3, 5, 7, 8, 10, 12]);

/** One of the positions is within the most times that a period can have. */
function checkPositions({ frequency, times, days, positions }: RecurrenceRule): void {
  if (positions === null) return;
  const most = mostDays(frequency, days) * new CombinedSeconds(timesWithin(frequency, times)).size;
  if (positions.every((position) => Math.abs(position) > most)) {
    throw ruleError(`'${positions.join(',')}' in BYSETPOS never matches: a period has ${most} times at most`);
  }
}

/** Most days of one period. */
function mostDays(frequency: Frequency, { weekdays }: DayRule): number {
  if (frequency === 'YEARLY') return 371;
  if (frequency === 'MONTHLY') return 31;
  if (frequency !== 'WEEKLY') return 1;
  return [0, 1, 2, 3, 4, 5, 6].filter((weekday) => has(weekdays?.every ?? 0, weekday)).length;
}

const WEEK_MS = 7 * DAY_MS;

/**
 * Periods below a week begin a step apart, so their places within the week repeat after `gcd(step, week)`:
 * does one of them meet a weekday and a time of day of the rule?
 */
function checkInterval({ frequency, interval, times, days }: RecurrenceRule, dtstart: LocalMs): void {
  if (!isBelowWeek(frequency) || interval === 1) return;
  const period = periodSeconds(frequency);
  const divisor = gcd(interval * period, WEEK_MS / SECOND_MS);
  const anchor = Math.floor(dtstart / SECOND_MS / period) * period;
  const starts = startsOfPeriods(frequency, times);
  const hours = numbersBelow(24).filter((hour) => has(starts.hours, hour));
  const minutes = numbersBelow(60).filter((minute) => has60(starts.minutes, minute));
  const seconds = new Set(
    numbersBelow(60)
      .filter((second) => has60(starts.seconds, second))
      .map((s) => s % divisor),
  );
  const isMet = (midnight: number): boolean =>
    hours.some((hour) =>
      minutes.some((minute) => seconds.has(mod(anchor - midnight - hour * 3600 - minute * 60, divisor))),
    );
  const weekdays = numbersBelow(7).filter((weekday) => days.weekdays === null || has(days.weekdays.every, weekday));
  // Day 0, 1 January 1970, is a Thursday.
  if (!weekdays.some((weekday) => isMet(((weekday + 3) % 7) * 86_400))) {
    throw ruleError(`'INTERVAL=${interval}' never matches: from this start it never meets the other parts`);
  }
}

function numbersBelow(size: number): number[] {
  return Array.from({ length: size }, (_, n) => n);
}
