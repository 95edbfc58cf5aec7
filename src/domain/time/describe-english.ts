import cronstrue from 'cronstrue';
import { RRuleTemporal } from 'rrule-temporal';
import { toText } from 'rrule-temporal/totext';
import { DAY_MS } from './civil.js';
import { readCron } from './cron.js';
import { inLargestUnit, ruleOfText, timeOfDay } from './schedule-words.js';
import type { DurationMs } from './instant.js';
import type { Schedule } from './schedule-schema.js';

export function describeInEnglish(schedule: Schedule, timeZone: string): string {
  const zone = timeZone === 'UTC' ? 'UTC' : `${timeZone} time`;
  switch (schedule.type) {
    case 'cron':
      return `${describeCron(schedule)}, ${zone}`;
    case 'every':
      return `Every ${describeDuration(schedule.everyMs)}`;
    case 'after':
      return `${describeDuration(schedule.delayMs)} after the completion of the last execution`;
    case 'at':
      return `Once, at ${schedule.at}`;
    case 'calendarInterval':
      return `Every ${counted(schedule.every, schedule.unit)} from ${schedule.anchor}, ${zone}`;
    case 'dailyWindow': {
      const days = schedule.days === undefined ? 'every day' : `on ${schedule.days.join(', ')}`;
      return `Every ${describeDuration(schedule.everyMs)} between ${schedule.from} and ${schedule.to} ${days}, ${zone}`;
    }
    case 'rrule':
      return `${describeDistance(schedule)}${describeRecurrence(schedule)}, ${zone}`;
    case 'lunar': {
      const day = `day ${schedule.day} of month ${schedule.month}`;
      return `${describeDistance(schedule)}Every lunar year on ${day} at ${timeOfDay(schedule)}${lunarRule(schedule)}, ${zone}`;
    }
  }
}

function describeCron({ expression, dialect }: Extract<Schedule, { type: 'cron' }>): string {
  const isQuartz = readCron(expression, dialect, '').dialect === 'quartz';
  try {
    return cronstrue.toString(expression, { use24HourTimeFormat: true, dayOfWeekStartIndexZero: !isQuartz });
  } catch {
    // What has no words in the library (`H`, `L-3`) is still readable as it stands.
    return `Cron ${expression}`;
  }
}

function describeRecurrence({ rrule, dtstart }: Extract<Schedule, { type: 'rrule' }>): string {
  const rule = ruleOfText(rrule);
  if (rule === undefined) return 'on the listed days';
  try {
    const start = dtstart.slice(0, 19).replaceAll(/[-:]/g, '');
    // Read as if in UTC, so that the words have the wall-clock time; the zone follows in ours.
    return toText(new RRuleTemporal({ rruleString: `DTSTART:${start}Z\nRRULE:${rule}` })).replace(/ (?:UTC|GMT)\b/, '');
  } catch {
    return `by the rule ${rule}`;
  }
}

function lunarRule({ day, leapMonth, missingDay }: Extract<Schedule, { type: 'lunar' }>): string {
  const leap =
    leapMonth === true || leapMonth === 'leap'
      ? ' (in the leap month where there is one)'
      : leapMonth === 'both'
        ? ' (in the leap month too)'
        : leapMonth === 'only'
          ? ' (in the leap month only)'
          : '';
  if (day < 30 || missingDay === undefined) return leap;
  const missing = { last: ', or on the last day', next: ', or on the day after', skip: ', where there is one' };
  return missing[missingDay] + leap;
}

/** `15 minutes before: ` */
function describeDistance({
  offsetDays = 0,
  offsetMs = 0,
}: {
  offsetDays?: number | undefined;
  offsetMs?: number | undefined;
}): string {
  const ms = offsetDays * DAY_MS + offsetMs;
  if (ms === 0) return '';
  const { count, unit } = inLargestUnit(Math.abs(ms));
  return `${count} ${unit}${count === 1 ? '' : 's'} ${ms < 0 ? 'before' : 'after'}: `;
}

function describeDuration(ms: DurationMs): string {
  const { count, unit } = inLargestUnit(ms);
  return counted(count, unit);
}

function counted(count: number, unit: string): string {
  return count === 1 ? unit : `${count} ${unit}s`;
}
