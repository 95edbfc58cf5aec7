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
  z.strictObject({ type: z.literal('at'), at: instantText }),
  z.strictObject({
    type: z.literal('rrule'),
    rrule: z.string().min(1).max(MAX_RRULE_LENGTH),
    dtstart: anchorText,
    /** The fire lies so far from its occurrence (negative = before): whole days by the wall clock, then exact time. */
    offsetDays: z.int().min(-366).max(366).optional(),
    offsetMs: z.int().min(-MAX_EVERY_MS).max(MAX_EVERY_MS).optional(),
  }),
]);

/** The rule inside a trigger that yields its nominal fire times. Plain JSON: what the API takes and the store keeps. */
export type Schedule = z.output<typeof scheduleSchema>;
