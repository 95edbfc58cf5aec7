import type { CompiledCalendar } from '../calendar.js';
import { BoundedCache } from './bounded-cache.js';
import { CalendarTimes } from './calendar-times.js';
import { fireTimesOf } from './fire-times.js';
import type { EpochMs } from './instant.js';
import type { FireTimes } from './interval.js';
import type { Schedule } from './schedule-schema.js';
import type { DstGap, DstOverlap } from './zoned-times.js';

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
  /** Only times that all of them include are fires. */
  readonly calendars?: readonly CompiledCalendar[] | undefined;
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

/** Compiled schedules that are kept, by text and zone; about 1 KB each. */
const MAX_CACHED = 16_384;
const cache = new BoundedCache<Times>(MAX_CACHED);

/**
 * Compiles a schedule, or returns the one compiled before.
 * Errors: `ValidationError` with `CJ_SCHEDULE_INVALID`, fields relative to the schedule (`expression`, …),
 * also for a schedule that can never fire; field `timeZone` for an unknown zone.
 */
export function compileSchedule(schedule: Schedule, context: ScheduleContext): SearchableSchedule {
  const key = cacheKey(schedule, context);
  let compiled = cache.get(key);
  if (compiled === undefined) {
    compiled = new Times(fireTimesOf(schedule, context));
    cache.set(key, compiled);
  }
  const { calendars } = context;
  return calendars === undefined || calendars.length === 0
    ? compiled
    : new Times(new CalendarTimes(compiled, calendars, waitsForCompletion(schedule)));
}

/**
 * Does the next fire wait until the execution of the last one has completed? Then nothing is due while it
 * runs, and `next` is asked with the instant of completion.
 */
export function waitsForCompletion(schedule: Schedule): boolean {
  return schedule.type === 'after';
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
    if (limit < 1) return found;
    for (let at = this.next(from - 1); at !== null && at < to; at = this.next(at)) {
      found.push(at);
      if (found.length === limit) break;
    }
    return found;
  }

  preview(after: EpochMs, count: number): EpochMs[] {
    return this.between(after + 1, Infinity, count);
  }
}

/** `H` at the head of an entry; the one in THU or @monthly needs no seed. */
const HASH_ENTRY = /(?:^|[\s,])H/i;

function cacheKey(schedule: Schedule, { timeZone, dstGap, dstOverlap, hashSeed = '' }: ScheduleContext): string {
  const zone = `${timeZone}|${dstGap ?? ''}|${dstOverlap ?? ''}|`;
  if (schedule.type !== 'cron') return zone + JSON.stringify(schedule);
  const { expression, dialect = '' } = schedule;
  const seed = HASH_ENTRY.test(expression) ? hashSeed : '';
  return `${zone}${dialect}|${expression}|${seed}`;
}
