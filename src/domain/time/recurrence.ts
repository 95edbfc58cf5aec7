import type { LocalMs } from './civil.js';
import { RuleTimes } from './recurrence-expansion.js';
import { readRecurrence, type RecurrenceText } from './recurrence-text.js';
import type { TimeZone } from './time-zone.js';
import { ELAPSED_TIME_RULE, FIXED_TIME_RULE, type DstRule, type LocalTimes } from './zoned-times.js';

/**
 * An RFC 5545 recurrence. The rule is expanded as wall-clock times (in UTC, where nothing is skipped or
 * repeated) and meets the zone in `ZonedTimes` like every other schedule, because the RFC would drop a time
 * that falls into a gap.
 */
export class RecurrenceTimes implements LocalTimes {
  /** The default for clock changes: frequencies below a day follow elapsed time. */
  readonly dstRule: DstRule;
  private readonly rule: RuleTimes | null;
  private readonly text: RecurrenceText;
  private readonly dates: readonly LocalMs[];

  /** Errors: `CJ_SCHEDULE_INVALID`, field `rrule`. */
  constructor(rrule: string, dtstart: LocalMs, zone: TimeZone) {
    this.text = readRecurrence(rrule, dtstart, zone);
    this.dstRule = isBelowDay(this.text.rule) ? ELAPSED_TIME_RULE : FIXED_TIME_RULE;
    this.rule = this.text.rule === null ? null : new RuleTimes(this.text.rule, dtstart, this.text.until);
    this.dates = this.rule === null ? [dtstart, ...this.text.rdates].sort((a, b) => a - b) : this.text.rdates;
  }

  firstFrom(from: LocalMs): LocalMs | null {
    for (let at = this.firstOfBoth(from); at !== null; at = this.firstOfBoth(at + 1)) {
      if (!this.text.exdates.has(at)) return at;
    }
    return null;
  }

  lastUntil(until: LocalMs): LocalMs | null {
    for (let at = this.lastOfBoth(until); at !== null; at = this.lastOfBoth(at - 1)) {
      if (!this.text.exdates.has(at)) return at;
    }
    return null;
  }

  private firstOfBoth(from: LocalMs): LocalMs | null {
    const ruled = this.rule?.firstFrom(from) ?? null;
    const listed = this.dates.find((at) => at >= from) ?? null;
    return ruled === null || (listed !== null && listed < ruled) ? listed : ruled;
  }

  private lastOfBoth(until: LocalMs): LocalMs | null {
    const ruled = this.rule?.lastUntil(until) ?? null;
    const listed = this.dates.findLast((at) => at <= until) ?? null;
    return ruled === null || (listed !== null && listed > ruled) ? listed : ruled;
  }
}

function isBelowDay(rule: ReadonlyMap<string, string> | null): boolean {
  return /^(?:SECOND|MINUTE|HOUR)LY$/.test(rule?.get('FREQ') ?? '');
}
