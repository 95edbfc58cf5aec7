import { z } from 'zod';
import { readCalendarFile } from './calendar-file.js';
import { cronDays, dateDays, dayHours, EventsSelection, type Selection } from './calendar-selection.js';
import { parseInput } from './input.js';
import { MAX_EXPRESSION_LENGTH, MAX_ICS_LENGTH, NAME } from './limits.js';
import { END_LOCAL, FIRST_LOCAL, DAY_MS } from './time/civil.js';
import type { EpochMs } from './time/instant.js';
import { timeZoneOf } from './time/time-zone.js';

/**
 * A named set of time that triggers share: its times are excluded (holidays), or only they are included
 * (business hours). A calendar may stand on a `base`: then a time must be included by both.
 */

/** What every calendar may say, whatever it selects. */
export const calendarFields = {
  /** `exclude` (default): the selected times do not fire; `include`: only they do. */
  mode: z.enum(['exclude', 'include']).optional(),
  /** In which days and hours are read; the trigger's zone when absent. */
  timeZone: z.string().min(1).max(64).optional(),
  /** Name of another calendar of the namespace that also has to include a time. */
  base: NAME.optional(),
  description: z.string().max(1024).optional(),
};

const date = z.iso.date('must be a date such as 2026-12-25');
const monthAndDay = z
  .string()
  .regex(/^(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/, 'must be a month and a day such as 12-25');
const timeOfDay = z
  .string()
  .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?|24:00)$/, 'must be a time of day such as 09:00');

export const calendarSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('dates'), dates: z.array(date).min(1).max(10_000), ...calendarFields }),
  z.strictObject({ type: z.literal('annual'), days: z.array(monthAndDay).min(1).max(366), ...calendarFields }),
  z.strictObject({
    type: z.literal('weekly'),
    days: z
      .array(z.enum(['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']))
      .min(1)
      .max(7),
    ...calendarFields,
  }),
  z.strictObject({
    type: z.literal('monthly'),
    days: z.array(z.int().min(1).max(31)).min(1).max(31),
    ...calendarFields,
  }),
  /** From `from` until just before `to`; past midnight when `to` is earlier. */
  z.strictObject({ type: z.literal('daily'), from: timeOfDay, to: timeOfDay, ...calendarFields }),
  z.strictObject({
    type: z.literal('cron'),
    expression: z.string().min(1).max(MAX_EXPRESSION_LENGTH),
    dialect: z.enum(['unix', 'quartz']).optional(),
    ...calendarFields,
  }),
  z.strictObject({ type: z.literal('ics'), ics: z.string().min(1).max(MAX_ICS_LENGTH), ...calendarFields }),
]);

export type CalendarDefinition = z.output<typeof calendarSchema>;
export type CalendarInput = z.input<typeof calendarSchema>;

/** A calendar made ready for questions. Pure. */
export interface CompiledCalendar {
  includes(at: EpochMs): boolean;
  /** The first included instant at or after `at`, or null when there is none before the year 2200. */
  nextIncluded(at: EpochMs): EpochMs | null;
  /** The last included instant at or before `at`, or null when there is none since 1970. */
  previousIncluded(at: EpochMs): EpochMs | null;
}

/**
 * Checks a calendar as a caller wrote it, without its base. Errors: `ValidationError`, fields relative to the
 * calendar; also for one that includes no time at all.
 */
export function parseCalendar(input: unknown): CalendarDefinition {
  const definition = parseInput(calendarSchema, input);
  compileCalendar(definition, { timeZone: 'UTC' });
  return definition;
}

/**
 * Makes a calendar ready for triggers in `timeZone`. The caller resolves the name of the base, and refuses
 * bases that lead back to where they began. Errors: `ValidationError`.
 */
export function compileCalendar(
  definition: CalendarDefinition,
  context: { readonly timeZone: string; readonly base?: CompiledCalendar | undefined },
): CompiledCalendar {
  const own = new SelectedTimes(selectionOf(definition, context.timeZone), definition.mode === 'include');
  return context.base === undefined ? own : new BothCalendars(own, context.base);
}

function selectionOf(definition: CalendarDefinition, timeZone: string): Selection {
  const zone = timeZoneOf(definition.timeZone ?? timeZone);
  switch (definition.type) {
    case 'dates':
    case 'annual':
    case 'weekly':
    case 'monthly':
      return dateDays(definition, zone);
    case 'daily':
      return dayHours(definition, zone);
    case 'cron':
      return cronDays(definition, zone);
    case 'ics':
      return new EventsSelection(readCalendarFile(definition.ics, zone));
  }
}

const FIRST_INSTANT = FIRST_LOCAL - DAY_MS;
const END_INSTANT = END_LOCAL + DAY_MS;

class SelectedTimes implements CompiledCalendar {
  constructor(
    private readonly selection: Selection,
    private readonly includesSelected: boolean,
  ) {}

  includes(at: EpochMs): boolean {
    return this.selection.selects(at) === this.includesSelected;
  }

  nextIncluded(at: EpochMs): EpochMs | null {
    for (let t = at; t < END_INSTANT; t = this.selection.nextEdge(t)) {
      if (this.includes(t)) return t;
    }
    return null;
  }

  previousIncluded(at: EpochMs): EpochMs | null {
    for (let t = at; t >= FIRST_INSTANT; t = this.selection.previousEdge(t)) {
      if (this.includes(t)) return t;
    }
    return null;
  }
}

class BothCalendars implements CompiledCalendar {
  constructor(
    private readonly own: CompiledCalendar,
    private readonly base: CompiledCalendar,
  ) {}

  includes(at: EpochMs): boolean {
    return this.own.includes(at) && this.base.includes(at);
  }

  nextIncluded(at: EpochMs): EpochMs | null {
    for (let t: EpochMs | null = at; t !== null;) {
      const own = this.own.nextIncluded(t);
      const both = own === null ? null : this.base.nextIncluded(own);
      if (both === own) return both;
      t = both;
    }
    return null;
  }

  previousIncluded(at: EpochMs): EpochMs | null {
    for (let t: EpochMs | null = at; t !== null;) {
      const own = this.own.previousIncluded(t);
      const both = own === null ? null : this.base.previousIncluded(own);
      if (both === own) return both;
      t = both;
    }
    return null;
  }
}
