import { parseInput } from '../domain/input.js';
import { ValidationError } from '../domain/errors.js';
import { toIso, type EpochMs } from '../domain/time/instant.js';
import { compileSchedule } from '../domain/time/schedule.js';
import { previewInputSchema } from './job-input.js';
import type { PreviewFire, SchedulePreview } from './views.js';

/** The next fires of a schedule after `now`, or after the instant that the input names. Errors: `ValidationError`. */
export function schedulePreview(input: unknown, now: EpochMs): SchedulePreview {
  const { schedule, timeZone, after = now, count, dstGap, dstOverlap } = parseInput(previewInputSchema, input);
  const compiled = compiledUnder('schedule', () => compileSchedule(schedule, { timeZone, dstGap, dstOverlap }));
  const fires: PreviewFire[] = [];
  for (let at = compiled.next(after); at !== null && fires.length < count; at = compiled.next(at)) {
    fires.push({ at: toIso(at), local: toIso(at) });
  }
  return { description: schedule.type, fires };
}

function compiledUnder<T>(field: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    const isOfSchedule = error instanceof ValidationError && !error.violations.some((v) => v.field === 'timeZone');
    throw isOfSchedule ? error.under(field) : error;
  }
}
