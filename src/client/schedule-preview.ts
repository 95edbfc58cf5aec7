import { ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { clockChangeNote } from '../domain/time/clock-change-note.js';
import { toIso, type EpochMs } from '../domain/time/instant.js';
import { describeSchedule } from '../domain/time/describe.js';
import { compileSchedule } from '../domain/time/schedule.js';
import { timeZoneOf } from '../domain/time/time-zone.js';
import { previewInputSchema } from './job-input.js';
import type { PreviewFire, SchedulePreview } from './views.js';

/** The next fires of a schedule after `now`, or after the instant that the input names. Errors: `ValidationError`. */
export function schedulePreview(input: unknown, now: EpochMs): SchedulePreview {
  const { schedule, timeZone, after = now, count, dstGap, dstOverlap } = parseInput(previewInputSchema, input);
  const compiled = compiledUnder('schedule', () => compileSchedule(schedule, { timeZone, dstGap, dstOverlap }));
  const fires: PreviewFire[] = [];
  for (let at = compiled.next(after); at !== null && fires.length < count; at = compiled.next(at)) {
    const note = clockChangeNote(schedule, { timeZone, dstGap, dstOverlap }, at);
    const local = localIso(at, timeZoneOf(timeZone).offsetAt(at));
    fires.push({ at: toIso(at), local, ...(note === undefined ? {} : { note }) });
  }
  return { description: describeSchedule(schedule, timeZone), fires };
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
