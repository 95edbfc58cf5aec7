import cronstrue from 'cronstrue';
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
      return `By the rule ${schedule.rrule.replaceAll('\n', ' ')} from ${schedule.dtstart}, ${zone}`;
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
