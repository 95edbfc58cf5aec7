import { RRuleTemporal } from 'rrule-temporal';
import { DAY_MS, END_LOCAL, HOUR_MS, MINUTE_MS, SECOND_MS, type LocalMs } from './civil.js';
import type { DurationMs } from './instant.js';
import { ruleError } from './recurrence-text.js';
import type { LocalTimes } from './zoned-times.js';

/** Largest COUNT of a rule whose last time has to be found by walking. */
const MAX_WALKED_COUNT = 1000;
/**
 * Periods without an occurrence after which the library gives up: more days than lie between two
 * 29 Februaries on one weekday around the year 2100 (40 years).
 */
const MAX_EMPTY_PERIODS = 20_000;

/** The times of one RRULE, as wall-clock times. A COUNT becomes an end at once, so that no search begins at the start. */
export class RuleTimes implements LocalTimes {
  private readonly rule: RRuleTemporal;

  /** `until` is inclusive. Errors: `CJ_SCHEDULE_INVALID`, field `rrule`. */
  constructor(parts: ReadonlyMap<string, string>, dtstart: LocalMs, until: LocalMs | null) {
    if (!hasMonthDay(parts)) throw ruleError('never matches: no month has such a day');
    const end = parts.has('COUNT') ? lastOf(parts, dtstart) : (until ?? END_LOCAL);
    this.rule = endingAt(parts, dtstart, Math.min(end, END_LOCAL - SECOND_MS));
  }

  firstFrom(from: LocalMs): LocalMs | null {
    return orNone(() => this.rule.next(new Date(from), true)?.epochMilliseconds);
  }

  lastUntil(until: LocalMs): LocalMs | null {
    return orNone(() => this.rule.previous(new Date(until), true)?.epochMilliseconds);
  }
}

/** The library throws when it gives up the search: then nothing follows. */
function orNone(search: () => number | undefined): LocalMs | null {
  try {
    return search() ?? null;
  } catch {
    return null;
  }
}

/** The day of the month exists in one of the months at least: a search for 30 February would take long to fail. */
function hasMonthDay(parts: ReadonlyMap<string, string>): boolean {
  const days = parts.get('BYMONTHDAY')?.split(',').map(Number);
  const months = parts.get('BYMONTH')?.split(',').map(Number);
  if (days === undefined || months === undefined || parts.has('SKIP')) return true;
  const longest = Math.max(...months.map((month) => (month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : 31)));
  return days.some((day) => Math.abs(day) <= longest);
}

const PERIODS: ReadonlyMap<string, DurationMs> = new Map([
  ['SECONDLY', SECOND_MS],
  ['MINUTELY', MINUTE_MS],
  ['HOURLY', HOUR_MS],
  ['DAILY', DAY_MS],
  ['WEEKLY', 7 * DAY_MS],
]);

/** The last of COUNT times: by arithmetic where every period has one, else by walking. */
function lastOf(parts: ReadonlyMap<string, string>, dtstart: LocalMs): LocalMs {
  const count = Number(parts.get('COUNT'));
  const periodMs = PERIODS.get(parts.get('FREQ') ?? '');
  const isPlain = ![...parts.keys()].some((name) => name.startsWith('BY'));
  if (periodMs !== undefined && isPlain) return dtstart + (count - 1) * Number(parts.get('INTERVAL') ?? 1) * periodMs;
  if (count > MAX_WALKED_COUNT) throw ruleError(`COUNT=${count} is too large for this rule`, 'at most 1000, or UNTIL');
  try {
    return created(parts, dtstart).all().at(-1)?.epochMilliseconds ?? dtstart;
  } catch {
    throw ruleError(`the end of COUNT=${count} lies too far ahead to be found`, 'UNTIL instead');
  }
}

function endingAt(parts: ReadonlyMap<string, string>, dtstart: LocalMs, end: LocalMs): RRuleTemporal {
  const endless = [...parts].filter(([name]) => name !== 'COUNT');
  return created(new Map([...endless, ['UNTIL', `${compact(end)}Z`]]), dtstart);
}

function created(parts: ReadonlyMap<string, string>, dtstart: LocalMs): RRuleTemporal {
  const rule = [...parts].map(([name, value]) => `${name}=${value}`).join(';');
  try {
    return new RRuleTemporal({
      rruleString: `DTSTART:${compact(dtstart)}Z\nRRULE:${rule}`,
      maxIterations: MAX_EMPTY_PERIODS,
    });
  } catch (error) {
    throw ruleError(error instanceof Error ? error.message : 'the rule cannot be used');
  }
}

/** `20261121T090000` */
function compact(local: LocalMs): string {
  return new Date(local).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}
