import ICAL from 'ical.js';
import type { CalendarEvent } from './calendar-selection.js';
import { ValidationError } from './errors.js';
import { DAY_MS, type LocalMs } from './time/civil.js';
import type { DurationMs, EpochMs } from './time/instant.js';
import { OneTime, type FireTimes } from './time/interval.js';
import { RecurrenceTimes } from './time/recurrence.js';
import { timeZoneOf, type TimeZone } from './time/time-zone.js';
import { ZonedTimes } from './time/zoned-times.js';

/** Most events of one file. */
const MAX_EVENTS = 2000;

/**
 * The events of an iCalendar file (RFC 5545) as stretches of time. All-day events and floating times are read
 * in `zone`; cancelled and transparent events take no time. `ical.js` reads the text, nothing else.
 * Errors: `ValidationError` with `CJ_CALENDAR_FILE_INVALID`, field `ics`.
 */
export function readCalendarFile(text: string, zone: TimeZone): readonly CalendarEvent[] {
  const events = eventsOf(text).filter((event) => takesTime(event));
  if (events.length === 0) throw fileError('has no event that takes time');
  if (events.length > MAX_EVENTS) throw fileError(`has more than ${MAX_EVENTS} events`);
  return events.map((event, index) => {
    try {
      return calendarEvent(event, zone);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      throw fileError(`event ${index + 1}: ${error.violations[0]?.message ?? 'cannot be read'}`);
    }
  });
}

function eventsOf(text: string): readonly ICAL.Component[] {
  try {
    const parsed = ICAL.parse(text) as unknown[];
    const roots = Array.isArray(parsed[0]) ? parsed : [parsed];
    return roots.flatMap((root) => new ICAL.Component(root as string).getAllSubcomponents('vevent'));
  } catch (error) {
    throw fileError(error instanceof Error ? error.message : 'cannot be read');
  }
}

function takesTime(event: ICAL.Component): boolean {
  const isTransparent = textOf(event, 'transp').toUpperCase() === 'TRANSPARENT';
  return !isTransparent && textOf(event, 'status').toUpperCase() !== 'CANCELLED';
}

function textOf(event: ICAL.Component, name: string): string {
  const value = event.getFirstPropertyValue(name);
  return typeof value === 'string' ? value : '';
}

function calendarEvent(event: ICAL.Component, zone: TimeZone): CalendarEvent {
  const start = momentOf(event.getFirstProperty('dtstart'), zone);
  if (start === null) throw new ValidationError([{ field: 'ics', message: 'has no DTSTART' }]);
  const lengthMs = lengthOf(event, start, zone);
  const lines = ['rrule', 'rdate', 'exdate'].flatMap((name) =>
    event.getAllProperties(name).map((property) => property.toICALString()),
  );
  const starts: FireTimes =
    lines.length === 0 ? new OneTime(start.zone.instantOf(start.local)) : recurring(lines.join('\n'), start);
  return {
    lengthMs,
    next: (after) => starts.next(after),
    previous: (before) => starts.previous(before),
  };
}

function recurring(text: string, start: Moment): FireTimes {
  const times = new RecurrenceTimes(text, start.local, start.zone);
  return new ZonedTimes(times, start.zone, times.dstRule);
}

interface Moment {
  readonly local: LocalMs;
  readonly zone: TimeZone;
  readonly isDate: boolean;
}

function momentOf(property: ICAL.Property | null, zone: TimeZone): Moment | null {
  const value = property?.getFirstValue();
  if (property === null || !(value instanceof ICAL.Time)) return null;
  const tzid = property.getParameter('tzid');
  const local = Date.UTC(value.year, value.month - 1, value.day, value.hour, value.minute, value.second);
  const isUtc = /Z$/.test(value.toString());
  const own = isUtc ? timeZoneOf('UTC') : typeof tzid === 'string' ? timeZoneOf(tzid) : zone;
  return { local, zone: value.isDate ? zone : own, isDate: value.isDate };
}

/** An event on a date without an end takes that day; one at a time without an end takes no time. */
function lengthOf(event: ICAL.Component, start: Moment, zone: TimeZone): DurationMs {
  const end = momentOf(event.getFirstProperty('dtend'), zone);
  if (end !== null) return Math.max(instantOf(end) - instantOf(start), 0);
  const duration = event.getFirstPropertyValue('duration');
  if (duration instanceof ICAL.Duration) return Math.max(duration.toSeconds() * 1000, 0);
  return start.isDate ? DAY_MS : 0;
}

function instantOf(moment: Moment): EpochMs {
  return moment.zone.instantOf(moment.local);
}

function fileError(message: string): ValidationError {
  return new ValidationError([{ field: 'ics', message }], 'CJ_CALENDAR_FILE_INVALID');
}
