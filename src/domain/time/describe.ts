import cronstrue from 'cronstrue';
import { RRuleTemporal } from 'rrule-temporal';
import { toText } from 'rrule-temporal/totext';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './civil.js';
import { readCron } from './cron.js';
import type { DurationMs } from './instant.js';
import type { Schedule } from './schedule-schema.js';

/** A schedule in English, for people: `Every 15 minutes, between 09:00 and 17:59, Monday through Friday`. */
export function describeSchedule(schedule: Schedule, timeZone: string): string {
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
      const time = [schedule.hour, schedule.minute].map((part) => String(part).padStart(2, '0')).join(':');
      return `Every lunar year on day ${schedule.day} of month ${schedule.month} at ${time}, ${zone}`;
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
  const rule = /(?:^|\n)(?:RRULE:)?(FREQ=[^\n]*)/i.exec(rrule)?.[1];
  if (rule === undefined) return 'on the listed days';
  try {
    const start = dtstart.slice(0, 19).replaceAll(/[-:]/g, '');
    // Read as if in UTC, so that the words have the wall-clock time; the zone follows in ours.
    return toText(new RRuleTemporal({ rruleString: `DTSTART:${start}Z\nRRULE:${rule}` })).replace(/ (?:UTC|GMT)\b/, '');
  } catch {
    return `by the rule ${rule}`;
  }
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
  const [unitMs, unit] = UNITS.find(([length]) => ms % length === 0) ?? [1, 'millisecond'];
  const count = Math.abs(ms / unitMs);
  return `${count} ${unit}${count === 1 ? '' : 's'} ${ms < 0 ? 'before' : 'after'}: `;
}

const UNITS: readonly (readonly [DurationMs, string])[] = [
  [DAY_MS, 'day'],
  [HOUR_MS, 'hour'],
  [MINUTE_MS, 'minute'],
  [SECOND_MS, 'second'],
  [1, 'millisecond'],
];

function describeDuration(ms: DurationMs): string {
  const [unitMs, unit] = UNITS.find(([length]) => ms % length === 0) ?? [1, 'millisecond'];
  return counted(ms / unitMs, unit);
}

function counted(count: number, unit: string): string {
  return count === 1 ? unit : `${count} ${unit}s`;
}
