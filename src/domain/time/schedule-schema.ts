import { z } from 'zod';
import { MAX_EXPRESSION_LENGTH, MAX_RRULE_LENGTH } from '../limits.js';
import type { DurationMs } from './instant.js';

/** Smallest distance between fires that `every` accepts. */
export const MIN_EVERY_MS: DurationMs = 100;
const MAX_EVERY_MS: DurationMs = 31_536_000_000;

/** An instant in the input: ISO 8601 with an offset or `Z`. Stored as epoch milliseconds. */
export const instantSchema = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant with an offset, e.g. 2026-11-21T09:00:00Z' })
  .transform((text) => Date.parse(text));

/** An instant that is kept as the caller wrote it. */
const instantText = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 instant with an offset, e.g. 2026-11-21T09:00:00Z',
});

/** A wall-clock time in the trigger's zone (`2026-11-21T09:00:00`), or an instant with an offset. */
const anchorText = z.iso.datetime({
  offset: true,
  local: true,
  error: 'must be a date-time such as 2026-11-21T09:00:00, with or without an offset',
});

/** `09:00` or `09:00:30`. */
const timeOfDay = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/, 'must be a time of day such as 09:00 or 09:00:30');

/** The fire lies so far from its occurrence (negative = before): whole days by the wall clock, then exact time. */
const offsetFields = {
  offsetDays: z.int().min(-366).max(366).optional(),
  offsetMs: z.int().min(-MAX_EVERY_MS).max(MAX_EVERY_MS).optional(),
};

export const scheduleSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cron'),
    expression: z.string().min(1).max(MAX_EXPRESSION_LENGTH),
    dialect: z.enum(['unix', 'quartz']).optional(),
  }),
  z.strictObject({
    type: z.literal('every'),
    everyMs: z.int().min(MIN_EVERY_MS).max(MAX_EVERY_MS),
    anchor: instantText.optional(),
  }),
  /** Counted from the completion of the fire before, at first from the creation of the trigger. */
  z.strictObject({ type: z.literal('after'), delayMs: z.int().min(MIN_EVERY_MS).max(MAX_EVERY_MS) }),
  z.strictObject({ type: z.literal('at'), at: instantText }),
  z.strictObject({
    type: z.literal('calendarInterval'),
    every: z.int().min(1).max(100_000),
    unit: z.enum(['second', 'minute', 'hour', 'day', 'week', 'month', 'year']),
    anchor: anchorText,
  }),
  z.strictObject({
    type: z.literal('dailyWindow'),
    from: timeOfDay,
    /** Inclusive; earlier than `from` = on the following day. */
    to: timeOfDay,
    everyMs: z.int().min(1000).max(86_400_000),
    /** Days on which a window begins; all when absent. */
    days: z
      .array(z.enum(['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']))
      .min(1)
      .max(7)
      .optional(),
  }),
  z.strictObject({
    type: z.literal('rrule'),
    rrule: z.string().min(1).max(MAX_RRULE_LENGTH),
    dtstart: anchorText,
    ...offsetFields,
  }),
  z.strictObject({
    type: z.literal('lunar'),
    month: z.int().min(1).max(12),
    day: z.int().min(1).max(30),
    /**
     * In a lunar year that has a leap month of this number: `regular` (= false, default), `leap` (= true) or
     * `both`; other years have the regular month. `only` = years with the leap month alone.
     */
    leapMonth: z.union([z.boolean(), z.enum(['regular', 'leap', 'both', 'only'])]).optional(),
    /** Day 30 of a month of 29 days: its last day (default), the next day, or no fire. */
    missingDay: z.enum(['last', 'next', 'skip']).optional(),
    hour: z.int().min(0).max(23),
    minute: z.int().min(0).max(59),
    ...offsetFields,
  }),
]);

/** The rule inside a trigger that yields its nominal fire times. Plain JSON: what the API takes and the store keeps. */
export type Schedule = z.output<typeof scheduleSchema>;
