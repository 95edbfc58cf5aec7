import { z } from 'zod';
import { ValidationError } from '../errors.js';
import { MAX_EXPRESSION_LENGTH, MAX_RRULE_LENGTH } from '../limits.js';
import type { DurationMs, EpochMs } from './instant.js';

/** An instant in the input: ISO 8601 with an offset or `Z`. Stored as epoch milliseconds. */
export const instantSchema = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant with an offset, e.g. 2026-11-21T09:00:00Z' })
  .transform((text) => Date.parse(text));

export const scheduleSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cron'),
    expression: z.string().min(1).max(MAX_EXPRESSION_LENGTH),
    dialect: z.enum(['unix', 'quartz']).optional(),
  }),
  z.strictObject({
    type: z.literal('every'),
    everyMs: z.int().min(100).max(31_536_000_000),
    anchor: z.iso.datetime({ offset: true }).optional(),
  }),
  z.strictObject({ type: z.literal('at'), at: z.iso.datetime({ offset: true }) }),
  z.strictObject({
    type: z.literal('rrule'),
    rrule: z.string().min(1).max(MAX_RRULE_LENGTH),
    /** Local date-time (`2026-11-21T09:00:00`, read in the trigger's zone) or instant with offset. */
    dtstart: z.string().max(32),
  }),
]);

/** The rule inside a trigger that yields its nominal fire times. Plain JSON: what the API takes and the store keeps. */
export type Schedule = z.output<typeof scheduleSchema>;

export type DstGap = 'next' | 'skip' | 'shift';
export type DstOverlap = 'first' | 'second' | 'both';

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

/**
 * Compiles a schedule; the result may be cached and shared.
 * Errors: `ValidationError` with `CJ_SCHEDULE_INVALID`, fields relative to the schedule (`expression`, …),
 * also for a schedule that can never fire; field `timeZone` for an unknown zone.
 */
export function compileSchedule(schedule: Schedule, context: ScheduleContext): CompiledSchedule {
  void context;
  throw new ValidationError([{ field: 'type', message: `${schedule.type} is not ready` }], 'CJ_SCHEDULE_INVALID');
}

/** Times per call that a preview or a range may return. */
export const MAX_PREVIEW_COUNT = 1000;

/** Smallest distance between fires that `every` accepts. */
export const MIN_EVERY_MS: DurationMs = 100;
