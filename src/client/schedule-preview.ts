import type { z } from 'zod';
import type { CompiledCalendar } from '../domain/calendar.js';
import { ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { clockChangeNote } from '../domain/time/clock-change-note.js';
import { toIso, type EpochMs } from '../domain/time/instant.js';
import { describeSchedule } from '../domain/time/describe.js';
import { compileSchedule } from '../domain/time/schedule.js';
import { timeZoneOf } from '../domain/time/time-zone.js';
import type { CalendarStore } from '../store/calendar-store.js';
import { CalendarLookup } from './calendar-lookup.js';
import { previewInputSchema } from './job-input.js';
import { previewCalendars } from './preview-calendars.js';
import type { PreviewFire, SchedulePreview } from './views.js';

/**
 * The next fires of a schedule after `now`, or after the instant that the input names. Calendars may be named,
 * then they are those of the namespace in the input, or written out. Errors: `ValidationError`.
 */
export async function schedulePreview(
  input: unknown,
  { now, calendars: store }: { readonly now: EpochMs; readonly calendars: CalendarStore },
): Promise<SchedulePreview> {
  const parsed = parseInput(previewInputSchema, input);
  const { schedule, timeZone, after = now, count, dstGap, dstOverlap, locale } = parsed;
  const calendars = await compiledCalendars(parsed, store);
  const context = { timeZone, dstGap, dstOverlap };
  const compiled = compiledUnder('schedule', () => compileSchedule(schedule, { ...context, calendars }));
  const fires: PreviewFire[] = [];
  for (let at = compiled.next(after); at !== null && fires.length < count; at = compiled.next(at)) {
    const note = clockChangeNote(schedule, { ...context, locale }, at);
    const local = localIso(at, timeZoneOf(timeZone).offsetAt(at));
    fires.push({ at: toIso(at), local, ...(note === undefined ? {} : { note }) });
  }
  return { description: describeSchedule(schedule, timeZone, locale), fires };
}

/** Errors: `ValidationError` where calendars are named and nobody says of which namespace. */
async function compiledCalendars(
  { calendars = [], namespace, timeZone }: z.output<typeof previewInputSchema>,
  store: CalendarStore,
): Promise<readonly CompiledCalendar[]> {
  const hasNames = calendars.some((calendar) => typeof calendar === 'string' || calendar.base !== undefined);
  if (hasNames && namespace === undefined) {
    throw new ValidationError([{ field: 'namespace', message: 'is missing: calendars are given by name' }]);
  }
  return previewCalendars(calendars, { lookup: new CalendarLookup(store, namespace ?? ''), timeZone });
}

/** `2027-03-28T03:00:00.000+02:00` */
function localIso(at: EpochMs, offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return toIso(at + offsetMs).replace('Z', offset);
}

function compiledUnder<T>(field: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    const isOfSchedule = error instanceof ValidationError && !error.violations.some((v) => v.field === 'timeZone');
    throw isOfSchedule ? error.under(field) : error;
  }
}
