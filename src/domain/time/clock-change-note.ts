import { ValidationError } from '../errors.js';
import { compileSchedule, type Schedule, type ScheduleContext } from './schedule.js';
import { DAY_MS } from './civil.js';
import type { Locale } from './locale.js';
import { toIso, type EpochMs } from './instant.js';
import { timeZoneOf } from './time-zone.js';

type NoteContext = ScheduleContext & { readonly locale?: Locale | undefined };

/**
 * Why a fire of the schedule is not at its plain wall-clock time, for people; undefined for an ordinary fire.
 * In English `02:30 does not exist on this day` or `01:30 comes twice on this day; this is the first`.
 */
export function clockChangeNote(schedule: Schedule, context: NoteContext, at: EpochMs): string | undefined {
  const zone = timeZoneOf(context.timeZone);
  const span = zone.spanAt(at);
  const gapMs = span.offsetMs - span.offsetBeforeMs;
  if (gapMs > 0 && at < span.start + gapMs) return missingTimeNote(schedule, context, at);
  if (gapMs < 0 && at < span.start - gapMs) return repeatedTimeNote(at + span.offsetMs, 'second', context.locale);
  const overlapMs = span.offsetMs - span.offsetAfterMs;
  if (overlapMs > 0 && at >= span.end - overlapMs) return repeatedTimeNote(at + span.offsetMs, 'first', context.locale);
  return undefined;
}

/** The fire stands for a swallowed time when it would not be one if such times were skipped. */
function missingTimeNote(schedule: Schedule, context: NoteContext, at: EpochMs): string | undefined {
  const { start, offsetBeforeMs } = timeZoneOf(context.timeZone).spanAt(at);
  if (firesWithoutGaps(schedule, context, at)) return undefined;
  const from = context.dstGap === 'shift' ? at : start;
  const swallowed = compileSchedule(schedule, { ...context, dstGap: 'shift' }).next(from - 1);
  if (swallowed === null || swallowed > at + DAY_MS) return undefined;
  const time = timeText(swallowed + offsetBeforeMs);
  return context.locale === 'zh-CN' ? `这一天没有 ${time}` : `${time} does not exist on this day`;
}

function firesWithoutGaps(schedule: Schedule, context: ScheduleContext, at: EpochMs): boolean {
  try {
    return compileSchedule(schedule, { ...context, dstGap: 'skip' }).next(at - 1) === at;
  } catch (error) {
    // Its only times lie in gaps.
    if (error instanceof ValidationError) return false;
    throw error;
  }
}

function repeatedTimeNote(local: number, pass: 'first' | 'second', locale: Locale | undefined): string {
  if (locale === 'zh-CN') return `${timeText(local)} 在这一天出现两次，这是第${pass === 'first' ? '一' : '二'}次`;
  return `${timeText(local)} comes twice on this day; this is the ${pass}`;
}

/** `02:30`, or `02:30:15` when it has seconds. */
function timeText(local: number): string {
  const text = toIso(local).slice(11, 19);
  return text.endsWith(':00') ? text.slice(0, 5) : text;
}
