import { ValidationError } from '../errors.js';
import { readUnixCron } from './cron-unix.js';
import type { CronFields } from './cron-fields.js';
import type { LocalMs } from './civil.js';
import type { EpochMs } from './instant.js';
import { EveryTimes, OneTime, type FireTimes } from './interval.js';
import { CronTimes } from './next-cron.js';
import { DayOffsetTimes, ExactOffsetTimes } from './occurrence-offset.js';
import { RecurrenceTimes } from './recurrence.js';
import type { Schedule } from './schedule-schema.js';
import { timeZoneOf, type TimeZone } from './time-zone.js';
import {
  ELAPSED_TIME_RULE,
  FIXED_TIME_RULE,
  ZonedTimes,
  type DstGap,
  type DstOverlap,
  type DstRule,
  type LocalTimes,
} from './zoned-times.js';

export { instantSchema, MIN_EVERY_MS, scheduleSchema, type Schedule } from './schedule-schema.js';
export type { DstGap, DstOverlap } from './zoned-times.js';

export interface ScheduleContext {
  /** IANA zone in which wall-clock rules are read. */
  readonly timeZone: string;
  /** Unset = the default rule: a fixed time runs once per matching local day, a stepped one follows elapsed time. */
  readonly dstGap?: DstGap | undefined;
  readonly dstOverlap?: DstOverlap | undefined;
  /** Stable text (the trigger key) from which `H` in a cron expression is derived. */
  readonly hashSeed?: string | undefined;
}

/**
 * A schedule made ready for fast questions. Pure: the same questions have the same answers on every member
 * that has the same zone data.
 */
export interface CompiledSchedule {
  /** First nominal time strictly after `after`, or null when there is none any more. */
  next(after: EpochMs): EpochMs | null;
}

/** Also answers what people ask; the answers agree with `next`. */
export interface SearchableSchedule extends CompiledSchedule {
  /** Last nominal time strictly before `before`, or null when there is none. */
  previous(before: EpochMs): EpochMs | null;
  /** The first nominal times in `[from, to)`, ascending, at most `limit` of them. */
  between(from: EpochMs, to: EpochMs, limit: number): EpochMs[];
  /** The first `count` nominal times strictly after `after`, ascending; fewer when the schedule ends. */
  preview(after: EpochMs, count: number): EpochMs[];
}

/** Times per call that a preview or a range may return. */
export const MAX_PREVIEW_COUNT = 1000;

/**
 * Compiles a schedule; the result may be cached and shared.
 * Errors: `ValidationError` with `CJ_SCHEDULE_INVALID`, fields relative to the schedule (`expression`, …),
 * also for a schedule that can never fire; field `timeZone` for an unknown zone.
 */
export function compileSchedule(schedule: Schedule, context: ScheduleContext): SearchableSchedule {
  const zone = timeZoneOf(context.timeZone);
  return new Times(fireTimes(schedule, zone, context));
}

class Times implements SearchableSchedule {
  constructor(private readonly times: FireTimes) {}

  next(after: EpochMs): EpochMs | null {
    return this.times.next(after);
  }

  previous(before: EpochMs): EpochMs | null {
    return this.times.previous(before);
  }

  between(from: EpochMs, to: EpochMs, limit: number): EpochMs[] {
    const found: EpochMs[] = [];
    for (let at = this.next(from - 1); at !== null && at < to && found.length < limit; at = this.next(at)) {
      found.push(at);
    }
    return found;
  }

  preview(after: EpochMs, count: number): EpochMs[] {
    return this.between(after + 1, Infinity, count);
  }
}

function fireTimes(schedule: Schedule, zone: TimeZone, context: ScheduleContext): FireTimes {
  switch (schedule.type) {
    case 'cron': {
      const fields = readUnixCron(schedule.expression, context.hashSeed ?? '');
      return zoned(new CronTimes(fields), zone, ruleOf(cronRule(fields), context), 'expression');
    }
    case 'every':
      return new EveryTimes(schedule.everyMs, schedule.anchor === undefined ? 0 : Date.parse(schedule.anchor));
    case 'at':
      return new OneTime(Date.parse(schedule.at));
    case 'rrule': {
      const { rrule, dtstart, offsetDays = 0, offsetMs = 0 } = schedule;
      const times = new RecurrenceTimes(rrule, localOf(dtstart, zone), zone);
      const moved = offsetDays === 0 ? times : new DayOffsetTimes(times, offsetDays);
      const zonedTimes = zoned(moved, zone, ruleOf(times.dstRule, context), 'rrule');
      return offsetMs === 0 ? zonedTimes : new ExactOffsetTimes(zonedTimes, offsetMs);
    }
  }
}

function zoned(times: LocalTimes, zone: TimeZone, rule: DstRule, field: string): FireTimes {
  const zonedTimes = new ZonedTimes(times, zone, rule);
  if (zonedTimes.next(-Infinity) === null) {
    throw new ValidationError([{ field, message: 'never matches any day' }], 'CJ_SCHEDULE_INVALID');
  }
  return zonedTimes;
}

function cronRule(fields: CronFields): DstRule {
  const isStepped = fields.seconds.isStepped || fields.minutes.isStepped || fields.hours.isStepped;
  return isStepped ? ELAPSED_TIME_RULE : FIXED_TIME_RULE;
}

function ruleOf(byDefault: DstRule, context: ScheduleContext): DstRule {
  return { gap: context.dstGap ?? byDefault.gap, overlap: context.dstOverlap ?? byDefault.overlap };
}

/** A wall-clock time as it stands, or the wall-clock time in the zone of an instant with an offset. */
function localOf(text: string, zone: TimeZone): LocalMs {
  if (!/(?:Z|[+-]\d{2}:\d{2})$/.test(text)) return Date.parse(`${text}Z`);
  const at = Date.parse(text);
  return at + zone.offsetAt(at);
}
