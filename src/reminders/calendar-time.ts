import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time/civil.js';
import type { EpochMs } from '../domain/time/instant.js';
import { timeZoneOf } from '../domain/time/time-zone.js';
import { ValidationError } from '../domain/errors.js';
import { valueError } from './content-lines.js';
import { property, textOf, type ParsedBlock, type ParsedProperty } from './parsed-file.js';
import { isAllDay, type Distance, type Start } from './reminder.js';
import { WINDOWS_ZONES } from './windows-zones.js';

/** The zone that a file means cannot be found: the event is passed over, the file is fine. */
export class UnknownZone extends Error {}

/** Which IANA zone a TZID of the file means. */
export type ZoneOf = (tzid: string) => string;

/** Reads the zones of a calendar. The definitions in the file are not used, only the names: IANA's rules are newer. */
export function zonesOf(calendar: ParsedBlock): ZoneOf {
  const locations = new Map<string, string>();
  for (const block of calendar.blocks) {
    if (block.name === 'VTIMEZONE') locations.set(textOf(block, 'TZID'), textOf(block, 'X-LIC-LOCATION'));
  }
  return (tzid) => {
    // `/citadel.org/20210210_1/Europe/Berlin`: the last parts are the name.
    const parts = tzid.split('/');
    const candidates = [
      tzid,
      locations.get(tzid),
      WINDOWS_ZONES.get(tzid),
      parts.slice(-2).join('/'),
      parts.slice(-3).join('/'),
    ];
    const known = candidates.find((name) => name !== undefined && isZone(name));
    if (known === undefined) throw new UnknownZone(`'${tzid}' is not a known time zone`);
    return known;
  };
}

export function isZone(name: string): boolean {
  try {
    timeZoneOf(name);
    return true;
  } catch (error) {
    if (error instanceof ValidationError) return false;
    throw error;
  }
}

/** DTSTART and the like. Errors: `CJ_CALENDAR_FILE_INVALID` for a value that is no date. */
export function startOf(source: ParsedProperty, zoneOf: ZoneOf, value: unknown = source.values[0]): Start {
  const { date, time, isUtc } = digitsOf(source, value);
  if (time === null) return { date };
  const tzid = source.parameter('tzid');
  return { local: `${date}T${time}`, timeZone: isUtc ? 'UTC' : tzid === undefined ? null : zoneOf(tzid) };
}

/** A start as it would be written in the series: a date, or a wall-clock time in the series' zone. */
export function startInSeries(start: Start, series: Start): string {
  if (isAllDay(series)) return isAllDay(start) ? start.date : start.local.slice(0, 10);
  if (isAllDay(start)) return `${start.date}${series.local.slice(10)}`;
  if (start.timeZone === null || series.timeZone === null || start.timeZone === series.timeZone) return start.local;
  const at = instantOf(start, 'UTC');
  return new Date(at + timeZoneOf(series.timeZone).offsetAt(at)).toISOString().slice(0, 19);
}

/** `userZone` is where floating times and dates are read. */
export function instantOf(start: Start, userZone: string): EpochMs {
  const [local, zone] = isAllDay(start) ? [`${start.date}T00:00:00`, null] : [start.local, start.timeZone];
  return timeZoneOf(zone ?? userZone).instantOf(Date.parse(`${local}Z`));
}

/** From DTSTART to DTEND or over DURATION: days for dates, exact time for date-times. */
export function lengthOf(event: ParsedBlock, start: Start, zoneOf: ZoneOf): Distance {
  const duration = property(event, 'DURATION');
  if (duration !== undefined) return distanceOf(duration);
  const end = property(event, 'DTEND');
  if (end === undefined) return { days: isAllDay(start) ? 1 : 0, ms: 0 };
  const ms = instantOf(startOf(end, zoneOf), 'UTC') - instantOf(start, 'UTC');
  return isAllDay(start) ? { days: Math.max(Math.round(ms / DAY_MS), 1), ms: 0 } : { days: 0, ms: Math.max(ms, 0) };
}

/** `-P1DT2H`, `P2W`, `PT15M`. Weeks and days are nominal, the rest is exact. */
export function distanceOf(source: ParsedProperty): Distance {
  const text = source.value.trim().toUpperCase();
  const match = /^([+-])?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$/.exec(
    text,
  );
  if (match === null || /[PT]$/.test(text)) throw valueError(source, 'is no duration', '-PT15M, -P1D, PT0S');
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(2)
    .map((digits) => Number(digits ?? 0));
  const sign = match[1] === '-' ? -1 : 1;
  const ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
  // Adding 0 turns -0 into 0.
  return { days: sign * (weeks * 7 + days) + 0, ms: sign * ms + 0 };
}

function digitsOf(source: ParsedProperty, value: unknown): { date: string; time: string | null; isUtc: boolean } {
  const match = typeof value === 'string' ? /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(Z)?)?$/.exec(value) : null;
  const [, date = '', time = null, utc] = match ?? [];
  const parsed = Date.parse(`${date}T${time ?? '00:00:00'}Z`);
  // Date.parse lets 30 February pass as 2 March.
  if (Number.isNaN(parsed) || !new Date(parsed).toISOString().startsWith(date)) {
    throw valueError(source, 'is no date', '20261121, 20261121T090000 or 20261121T090000Z');
  }
  return { date, time, isUtc: utc !== undefined };
}
