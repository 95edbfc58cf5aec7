import { bitsOf, has } from './bit-sets.js';
import { END_LOCAL, FIRST_LOCAL, SECOND_MS, type LocalMs } from './civil.js';
import { PeriodTimes } from './recurrence-periods.js';
import { recurrenceRule, timesWithin, type DayRule, type Frequency, type RecurrenceRule } from './recurrence-rule.js';
import { StepTimes } from './recurrence-steps.js';
import { ruleError } from './recurrence-text.js';
import { CombinedSeconds } from './second-set.js';
import type { LocalTimes } from './zoned-times.js';

/** A COUNT is counted from the start on: a start long ago would take long. */
const FIRST_COUNTED: LocalMs = Date.UTC(1900, 0, 1);

/** The times of one RRULE, as wall-clock times. A COUNT becomes an end at once, so that no search begins at the start. */
export class RuleTimes implements LocalTimes {
  private readonly times: StepTimes | PeriodTimes;
  /** Inclusive. */
  private readonly end: LocalMs;

  /** `until` is inclusive. Errors: `CJ_SCHEDULE_INVALID`, field `rrule`. */
  constructor(parts: ReadonlyMap<string, string>, dtstart: LocalMs, until: LocalMs | null) {
    const rule = recurrenceRule(parts, dtstart);
    checkMonthDays(rule.days);
    checkPositions(rule);
    this.times = isStepped(rule) ? new StepTimes(rule, dtstart) : new PeriodTimes(rule, dtstart);
    this.end = Math.min(until ?? END_LOCAL, END_LOCAL - SECOND_MS);
    if (rule.count !== null) {
      if (dtstart < FIRST_COUNTED) throw ruleError('COUNT needs a dtstart from the year 1900 on', 'UNTIL instead');
      this.end = this.times.nth(rule.count) ?? this.end;
    }
    if (this.times.firstFrom(FIRST_LOCAL) === null) throw ruleError(`'${limitsOf(parts)}' never matches together`);
  }

  firstFrom(from: LocalMs): LocalMs | null {
    const at = this.times.firstFrom(from);
    return at !== null && at <= this.end ? at : null;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    return this.times.lastUntil(Math.min(until, this.end));
  }
}

/** What may keep a rule from ever having a time: INTERVAL and the BY parts. */
function limitsOf(parts: ReadonlyMap<string, string>): string {
  const limits = [...parts].filter(([name]) => name === 'FREQ' || name === 'INTERVAL' || name.startsWith('BY'));
  return limits.map(([name, value]) => `${name}=${value}`).join(';');
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

function isStepped({ frequency }: RecurrenceRule): boolean {
  return frequency !== 'WEEKLY' && frequency !== 'MONTHLY' && frequency !== 'YEARLY';
}
