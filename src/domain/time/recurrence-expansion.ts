import { END_LOCAL, FIRST_LOCAL, SECOND_MS, type LocalMs } from './civil.js';
import { PeriodTimes } from './recurrence-periods.js';
import { refuseImpossible } from './recurrence-refusals.js';
import { isBelowWeek, recurrenceRule } from './recurrence-rule.js';
import { StepTimes } from './recurrence-steps.js';
import { ruleError } from './recurrence-text.js';
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
    refuseImpossible(rule, dtstart);
    this.times = isBelowWeek(rule.frequency) ? new StepTimes(rule, dtstart) : new PeriodTimes(rule, dtstart);
    this.end = Math.min(until ?? END_LOCAL, END_LOCAL - SECOND_MS);
    if (this.times.firstFrom(FIRST_LOCAL) === null)
      throw ruleError(`'${limitsOf(parts)}' never matches: no time meets all parts`);
    if (rule.count !== null) {
      if (dtstart < FIRST_COUNTED) throw ruleError('COUNT needs a dtstart from the year 1900 on', 'UNTIL instead');
      this.end = this.times.nth(rule.count) ?? this.end;
    }
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
