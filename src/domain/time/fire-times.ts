import { ValidationError } from '../errors.js';
import { DayIntervalTimes, MonthIntervalTimes } from './calendar-interval.js';
import { FIRST_LOCAL, HOUR_MS, MINUTE_MS, SECOND_MS, type LocalMs } from './civil.js';
import { readCron } from './cron.js';
import { WEEKDAY_NAMES } from './cron-entries.js';
import type { CronFields } from './cron-fields.js';
import { DailyWindowTimes } from './daily-window.js';
import type { DurationMs } from './instant.js';
import { DelayTimes, EveryTimes, OneTime, type FireTimes } from './interval.js';
import { LunarTimes } from './lunar.js';
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

interface Context {
  readonly timeZone: string;
  readonly dstGap?: DstGap | undefined;
  readonly dstOverlap?: DstOverlap | undefined;
  readonly hashSeed?: string | undefined;
}

/** The times of a schedule in a zone. Errors: `CJ_SCHEDULE_INVALID`, as of `compileSchedule`. */
export function fireTimesOf(schedule: Schedule, context: Context): FireTimes {
  const zone = timeZoneOf(context.timeZone);
  const zoned = (times: LocalTimes, rule: DstRule, field: string): FireTimes =>
    possible(new ZonedTimes(times, zone, chosen(rule, context)), times, field);
  switch (schedule.type) {
    case 'cron': {
      const { fields } = readCron(schedule.expression, schedule.dialect, context.hashSeed ?? '');
      return zoned(new CronTimes(fields), ruleOfCron(fields), 'expression');
    }
    case 'every':
      return new EveryTimes(schedule.everyMs, schedule.anchor === undefined ? 0 : Date.parse(schedule.anchor));
    case 'after':
      return new DelayTimes(schedule.delayMs);
    case 'at':
      return new OneTime(Date.parse(schedule.at));
    case 'calendarInterval':
      return calendarInterval(schedule, zone, zoned);
    case 'dailyWindow':
      return zoned(dailyWindow(schedule), ELAPSED_TIME_RULE, 'from');
    case 'rrule': {
      const times = new RecurrenceTimes(schedule.rrule, localOf(schedule.dtstart, zone), zone);
      return displaced(times, schedule, (moved) => zoned(moved, times.dstRule, 'rrule'));
    }
    case 'lunar':
      return displaced(lunar(schedule), schedule, (moved) => zoned(moved, FIXED_TIME_RULE, 'leapMonth'));
  }
}

/** Refuses times that never come: no day matches, or a gap takes the only ones. */
function possible(zoned: ZonedTimes, times: LocalTimes, field: string): FireTimes {
  if (times.firstFrom(FIRST_LOCAL) === null || (zoned.rule.gap === 'skip' && zoned.next(-Infinity) === null)) {
    throw new ValidationError([{ field, message: 'never matches: there is no such day' }], 'CJ_SCHEDULE_INVALID');
  }
  return zoned;
}

function ruleOfCron(fields: CronFields): DstRule {
  const isStepped = fields.seconds.isStepped || fields.minutes.isStepped || fields.hours.isStepped;
  return isStepped ? ELAPSED_TIME_RULE : FIXED_TIME_RULE;
}

function chosen(byDefault: DstRule, context: Context): DstRule {
  return { gap: context.dstGap ?? byDefault.gap, overlap: context.dstOverlap ?? byDefault.overlap };
}

type OfType<T extends Schedule['type']> = Extract<Schedule, { type: T }>;

/** Units up to the hour are lengths of elapsed time; from the day on they keep the time of day. */
function calendarInterval(
  { every, unit, anchor }: OfType<'calendarInterval'>,
  zone: TimeZone,
  zoned: (times: LocalTimes, rule: DstRule, field: string) => FireTimes,
): FireTimes {
  const elapsed = (unitMs: DurationMs): FireTimes => new EveryTimes(every * unitMs, instantOf(anchor, zone));
  const local = localOf(anchor, zone);
  switch (unit) {
    case 'second':
      return elapsed(SECOND_MS);
    case 'minute':
      return elapsed(MINUTE_MS);
    case 'hour':
      return elapsed(HOUR_MS);
    case 'day':
    case 'week':
      return zoned(new DayIntervalTimes(unit === 'week' ? every * 7 : every, local), FIXED_TIME_RULE, 'anchor');
    case 'month':
    case 'year':
      return zoned(new MonthIntervalTimes(unit === 'year' ? every * 12 : every, local), FIXED_TIME_RULE, 'anchor');
  }
}

function dailyWindow({ from, to, everyMs, days = [...WEEKDAY_NAMES] }: OfType<'dailyWindow'>): DailyWindowTimes {
  const weekdays = days.reduce((bits, day) => bits | (1 << WEEKDAY_NAMES.indexOf(day)), 0);
  return new DailyWindowTimes({ fromMs: msOfDay(from), toMs: msOfDay(to), everyMs, weekdays });
}

function lunar({ month, day, leapMonth = false, missingDay = 'last', hour, minute }: OfType<'lunar'>): LunarTimes {
  const rule = leapMonth === true ? 'leap' : leapMonth === false ? 'regular' : leapMonth;
  return new LunarTimes({ month, day, leapMonth: rule, missingDay }, hour * HOUR_MS + minute * MINUTE_MS);
}

function displaced(
  times: LocalTimes,
  { offsetDays = 0, offsetMs = 0 }: { offsetDays?: number | undefined; offsetMs?: number | undefined },
  zoned: (times: LocalTimes) => FireTimes,
): FireTimes {
  const moved = zoned(offsetDays === 0 ? times : new DayOffsetTimes(times, offsetDays));
  return offsetMs === 0 ? moved : new ExactOffsetTimes(moved, offsetMs);
}

/** `09:00` or `09:00:30` */
function msOfDay(text: string): DurationMs {
  const [hour = 0, minute = 0, second = 0] = text.split(':').map(Number);
  return hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
}

const OFFSET = /(?:Z|[+-]\d{2}:?\d{2})$/;

/** A wall-clock time as it stands, or the wall-clock time in the zone of an instant with an offset. */
function localOf(text: string, zone: TimeZone): LocalMs {
  if (!OFFSET.test(text)) return Date.parse(`${text}Z`);
  const at = Date.parse(text);
  return at + zone.offsetAt(at);
}

function instantOf(text: string, zone: TimeZone): number {
  return OFFSET.test(text) ? Date.parse(text) : zone.instantOf(Date.parse(`${text}Z`));
}
