import { z } from 'zod';
import { ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { MAX_RRULE_LENGTH, MESSAGE_LIMITS } from '../domain/limits.js';
import { MINUTE_MS } from '../domain/time/civil.js';
import { toIso } from '../domain/time/instant.js';
import { isZone, instantOf, startInSeries } from './calendar-time.js';
import { REMINDER_DEFAULTS, type ReminderDefaults } from './reminder-rule.js';
import { isAllDay, type Alarm, type Distance, type Reminder, type Start } from './reminder.js';
import type { LeapDayRule } from './vcard.js';

const zone = z.string().max(64).refine(isZone, { error: 'is not a known IANA time zone' });
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 09:00');
const daysBefore = z.coerce.number().int().min(0).max(366);
const minutesBefore = z.coerce.number().int().min(0).max(40_320);

const startText = z.union([z.iso.date(), z.iso.datetime({ local: true, offset: true })], {
  error: 'must be a date, a local date-time such as 2026-11-21T09:00:00, or an instant with an offset',
});

const alertSchema = z.union(
  [
    z.strictObject({ minutesBefore: z.int().min(0).max(40_320) }),
    z.strictObject({ daysBefore: z.int().min(0).max(366), at: clock }),
  ],
  { error: 'must be {"minutesBefore"} or {"daysBefore", "at"}' },
);

/** A reminder as a caller writes it. */
export const reminderInputSchema = z.strictObject({
  title: z.string().min(1).max(MESSAGE_LIMITS.titleLength),
  body: z.string().max(MESSAGE_LIMITS.bodyLength).optional(),
  kind: z.enum(['event', 'birthday']).default('event'),
  startsAt: startText,
  endsAt: startText.optional(),
  /** Of an event with a time: where it takes place. Of an all-day one: the zone of the user from now on. */
  timeZone: zone.optional(),
  /** RFC 5545 recurrence rule: `FREQ=WEEKLY;BYDAY=MO`. */
  recurrence: z.string().min(1).max(MAX_RRULE_LENGTH).optional(),
  exdates: z.array(startText).max(366).optional(),
  /** Absent = the defaults; `minutesBefore` for events with a time, `daysBefore` and `at` for all-day ones. */
  alerts: z.array(alertSchema).min(1).max(10).optional(),
});

export type ReminderInput = z.input<typeof reminderInputSchema>;

/** Options of an import, as they come in a query string. */
export const importOptionsSchema = z.strictObject({
  /** The user's zone, for all-day events, birthdays and floating times. Absent = what is stored, else UTC. */
  timeZone: zone.optional(),
  minutesBefore: minutesBefore.default(REMINDER_DEFAULTS.minutesBefore),
  allDayDaysBefore: daysBefore.default(REMINDER_DEFAULTS.allDay.daysBefore),
  allDayAt: clock.default(REMINDER_DEFAULTS.allDay.at),
  birthdayDaysBefore: daysBefore.default(REMINDER_DEFAULTS.birthday.daysBefore),
  birthdayAt: clock.default(REMINDER_DEFAULTS.birthday.at),
  leapDay: z.enum(['lastOfFebruary', 'firstOfMarch', 'leapYearsOnly']).default('lastOfFebruary'),
});

export type ImportOptions = z.input<typeof importOptionsSchema>;

export function parseImportOptions(input: unknown): {
  readonly timeZone: string | undefined;
  readonly defaults: ReminderDefaults;
  readonly leapDay: LeapDayRule;
} {
  const options = parseInput(importOptionsSchema, input);
  return {
    timeZone: options.timeZone,
    leapDay: options.leapDay,
    defaults: {
      minutesBefore: options.minutesBefore,
      allDay: { daysBefore: options.allDayDaysBefore, at: options.allDayAt },
      birthday: { daysBefore: options.birthdayDaysBefore, at: options.birthdayAt },
    },
  };
}

/** Errors: `ValidationError`. `timeZone` is what the caller named, if anything. */
export function parseReminder(id: string, input: unknown): { reminder: Reminder; timeZone: string | undefined } {
  const { title, body, kind, timeZone, ...rest } = parseInput(reminderInputSchema, input);
  const start = startOf(rest.startsAt, timeZone);
  const reminder: Reminder = {
    id,
    uid: id,
    kind,
    title,
    ...(body === undefined ? {} : { body }),
    start,
    length:
      rest.endsAt === undefined
        ? { days: isAllDay(start) ? 1 : 0, ms: 0 }
        : lengthOf(start, startOf(rest.endsAt, timeZone)),
    alarms: rest.alerts?.map((alert, index) => alarmOf(alert, start, index)) ?? null,
    sequence: 0,
    isCancelled: false,
    ...(rest.recurrence === undefined ? {} : { recurrence: [ruleLine(rest.recurrence)] }),
    exdates: (rest.exdates ?? []).map((text) => startInSeries(startOf(text, timeZone), start)),
    instances: [],
  };
  return { reminder, timeZone };
}

function ruleLine(recurrence: string): string {
  if (/[\r\n]/.test(recurrence)) {
    throw new ValidationError([{ field: 'recurrence', message: 'must be one rule', allowed: 'FREQ=…' }]);
  }
  return recurrence.toUpperCase().startsWith('RRULE:') ? recurrence : `RRULE:${recurrence}`;
}

function startOf(text: string, timeZone: string | undefined): Start {
  if (!text.includes('T')) return { date: text };
  const isLocal = /T[\d:.]+$/.test(text);
  if (!isLocal) return { local: toIso(Date.parse(text)).slice(0, 19), timeZone: 'UTC' };
  return { local: toIso(Date.parse(`${text}Z`)).slice(0, 19), timeZone: timeZone ?? null };
}

function lengthOf(start: Start, end: Start): Distance {
  const ms = instantOf(end, 'UTC') - instantOf(start, 'UTC');
  if (ms < 0 || isAllDay(start) !== isAllDay(end)) {
    throw new ValidationError([
      { field: 'endsAt', message: 'must be of the same form as startsAt, and not before it' },
    ]);
  }
  return isAllDay(start) ? { days: Math.round(ms / 86_400_000), ms: 0 } : { days: 0, ms };
}

function alarmOf(alert: z.output<typeof alertSchema>, start: Start, index: number): Alarm {
  if ('minutesBefore' in alert) {
    return { type: 'relative', relatedTo: 'start', days: 0, ms: -alert.minutesBefore * MINUTE_MS + 0 };
  }
  if (isAllDay(start)) return { type: 'clock', ...alert };
  throw new ValidationError([
    { field: `alerts[${index}]`, message: 'is for all-day events', allowed: 'minutesBefore' },
  ]);
}
