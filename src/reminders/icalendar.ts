import type { JsonObject } from '../domain/json.js';
import type { EpochMs } from '../domain/time/instant.js';
import {
  distanceOf,
  instantOf,
  lengthOf,
  startInSeries,
  startOf,
  UnknownZone,
  zonesOf,
  type ZoneOf,
} from './calendar-time.js';
import { decodeFile, fileError, valueError } from './content-lines.js';
import { parseFile, properties, property, textOf, type ParsedBlock, type ParsedProperty } from './parsed-file.js';
import {
  hashOf,
  reminderIdOf,
  type Alarm,
  type Instance,
  type Occasion,
  type ReadFile,
  type Reminder,
  type Skipped,
  type SkipReason,
  type Start,
} from './reminder.js';

/** Limits of one file; recurrences are never expanded here, so that no rule can make the work larger than the file. */
export const CALENDAR_LIMITS = { bytes: 4_194_304, events: 5000, alarmsPerEvent: 20, datesPerEvent: 366 } as const;

/** How often a rule may fire on one day. */
const MAX_TIMES_PER_DAY = 24;

/**
 * Reads an iCalendar file (RFC 5545): one reminder for each UID, with the instances that differ from the series.
 * Errors: `CJ_CALENDAR_FILE_INVALID` for the whole file when it is malformed. What is well-formed but cannot be
 * used is reported in `skipped`.
 */
export function readCalendar(bytes: Uint8Array): ReadFile {
  const calendars = parseFile(decodeFile(bytes, CALENDAR_LIMITS.bytes));
  const reminders: Reminder[] = [];
  const skipped: Skipped[] = [];
  let count = 0;
  for (const calendar of calendars) {
    if (calendar.name !== 'VCALENDAR') throw fileError(`line ${calendar.line}`, `BEGIN:${calendar.name}`, 'VCALENDAR');
    const zoneOf = zonesOf(calendar);
    const isCancelled = textOf(calendar, 'METHOD').toUpperCase() === 'CANCEL';
    const events = calendar.blocks.filter((block) => block.name === 'VEVENT');
    count += events.length;
    if (count > CALENDAR_LIMITS.events)
      throw fileError('file', 'holds too many events', `at most ${CALENDAR_LIMITS.events}`);
    for (const todo of calendar.blocks.filter((block) => block.name === 'VTODO')) {
      skipped.push(skip(todo, 'not-supported', 'tasks are not read'));
    }
    for (const group of groupedByUid(events)) {
      const read = readGroup(group, { zoneOf, isCancelled });
      if ('reason' in read) skipped.push(read);
      else reminders.push(read);
    }
  }
  return { reminders, skipped };
}

interface Context {
  readonly zoneOf: ZoneOf;
  readonly isCancelled: boolean;
}

function readGroup(group: readonly ParsedBlock[], context: Context): Reminder | Skipped {
  const series = newest(group.filter((event) => property(event, 'RECURRENCE-ID') === undefined));
  const first = series ?? group[0];
  if (first === undefined) throw fileError('file', 'holds an empty group of events');
  try {
    if (series === undefined) return skip(first, 'series-not-in-file');
    return readSeries(series, group, context);
  } catch (error) {
    if (error instanceof UnknownZone) return skip(first, 'unknown-time-zone', error.message);
    if (error instanceof Unusable) return skip(first, error.reason, error.message);
    throw error;
  }
}

/** Well-formed, but nothing that can be reminded of. */
class Unusable extends Error {
  constructor(
    readonly reason: SkipReason,
    message: string,
  ) {
    super(message);
  }
}

function readSeries(series: ParsedBlock, group: readonly ParsedBlock[], { zoneOf, isCancelled }: Context): Reminder {
  const uid = uidOf(series);
  const occasion = occasionOf(series, zoneOf);
  const { start } = occasion;
  const recurrence = recurrenceOf(series, start, zoneOf);
  const location = textOf(series, 'LOCATION');
  const overrides = group.filter((event) => property(event, 'RECURRENCE-ID') !== undefined);
  return {
    ...occasion,
    id: reminderIdOf(uid),
    uid,
    kind: 'event',
    sequence: sequenceOf(series),
    isCancelled: isCancelled || isCancelledEvent(series),
    ...(recurrence.length === 0 ? {} : { recurrence }),
    exdates: datesOf(properties(series, 'EXDATE'), start, zoneOf),
    instances: newestOfEach(overrides).map((event) => instanceOf(event, start, zoneOf)),
    ...(location === '' ? {} : { data: { location } satisfies JsonObject }),
  };
}

function occasionOf(event: ParsedBlock, zoneOf: ZoneOf): Occasion {
  const dtstart = property(event, 'DTSTART');
  if (dtstart === undefined) throw fileError(`line ${event.line}, VEVENT`, 'DTSTART is missing');
  const start = startOf(dtstart, zoneOf);
  const body = textOf(event, 'DESCRIPTION');
  return {
    title: textOf(event, 'SUMMARY') || '(no title)',
    ...(body === '' ? {} : { body }),
    start,
    length: lengthOf(event, start, zoneOf),
    alarms: alarmsOf(event, zoneOf),
  };
}

function instanceOf(event: ParsedBlock, series: Start, zoneOf: ZoneOf): Instance {
  const source = property(event, 'RECURRENCE-ID') as ParsedProperty;
  if (source.parameter('range') !== undefined) throw new Unusable('not-supported', 'RANGE=THISANDFUTURE is not read');
  const replaces = startInSeries(startOf(source, zoneOf), series);
  if (isCancelledEvent(event)) return { replaces, isCancelled: true };
  return { replaces, isCancelled: false, ...occasionOf(event, zoneOf) };
}

/** Lines `RRULE:…` and `RDATE:…` as a schedule takes them. */
function recurrenceOf(event: ParsedBlock, start: Start, zoneOf: ZoneOf): string[] {
  const rules = properties(event, 'RRULE');
  if (rules.length > 1 || property(event, 'EXRULE') !== undefined) {
    throw new Unusable('not-supported', 'more than one RRULE, or an EXRULE');
  }
  const lines = rules.map(({ value }) => `RRULE:${value.trim().toUpperCase()}`);
  for (const line of lines) if (timesPerDay(line) > MAX_TIMES_PER_DAY) throw new Unusable('too-frequent', line);
  const dates = datesOf(properties(event, 'RDATE'), start, zoneOf);
  return dates.length === 0
    ? lines
    : [...lines, `RDATE:${dates.map((date) => date.replaceAll(/[-:]/g, '')).join(',')}`];
}

function timesPerDay(rule: string): number {
  if (/FREQ=(?:SECOND|MINUTE|HOUR)LY/.test(rule)) return Infinity;
  const lists = [...rule.matchAll(/BY(?:HOUR|MINUTE|SECOND)=([\d,]+)/g)];
  return lists.reduce((product, [, list = '']) => product * list.split(',').length, 1);
}

function datesOf(sources: readonly ParsedProperty[], start: Start, zoneOf: ZoneOf): string[] {
  const dates = sources.flatMap((source) =>
    source.values.map((value) => startInSeries(startOf(source, zoneOf, periodStart(value)), start)),
  );
  if (dates.length > CALENDAR_LIMITS.datesPerEvent) {
    throw new Unusable('not-supported', `more than ${CALENDAR_LIMITS.datesPerEvent} dates in one list`);
  }
  return dates;
}

/** An RDATE may be a period; its start is what counts. */
function periodStart(value: unknown): unknown {
  if (Array.isArray(value)) return value[0];
  return typeof value === 'string' ? value.split('/')[0] : value;
}

/** Null when the event has no alarm at all. An alarm that does nothing says that none is wanted. */
function alarmsOf(event: ParsedBlock, zoneOf: ZoneOf): Alarm[] | null {
  const blocks = event.blocks.filter((block) => block.name === 'VALARM');
  if (blocks.length === 0) return null;
  const alarms = blocks
    .filter((block) => textOf(block, 'ACTION').toUpperCase() !== 'NONE')
    .flatMap((block) => alarmOf(block, zoneOf));
  if (alarms.length > CALENDAR_LIMITS.alarmsPerEvent) {
    throw new Unusable('not-supported', `more than ${CALENDAR_LIMITS.alarmsPerEvent} alarms of one event`);
  }
  return alarms;
}

function alarmOf(block: ParsedBlock, zoneOf: ZoneOf): Alarm[] {
  const trigger = property(block, 'TRIGGER');
  if (trigger === undefined) throw fileError(`line ${block.line}, VALARM`, 'TRIGGER is missing');
  const acknowledgedAt = acknowledgedOf(block, zoneOf);
  const seen = acknowledgedAt === undefined ? {} : { acknowledgedAt };
  // A duration begins with P or a sign.
  const isAbsolute = /^\d/.test(trigger.value);
  return repetitionsOf(block).map((later): Alarm => {
    if (isAbsolute) return { type: 'absolute', at: instantOf(startOf(trigger, zoneOf), 'UTC') + later, ...seen };
    const { days, ms } = distanceOf(trigger);
    const relatedTo = trigger.parameter('related')?.toUpperCase() === 'END' ? 'end' : 'start';
    return { type: 'relative', relatedTo, days, ms: ms + later, ...seen };
  });
}

/** How much later than its trigger an alarm sounds: once at once, and REPEAT times each DURATION later. */
function repetitionsOf(block: ParsedBlock): number[] {
  const repeat = property(block, 'REPEAT');
  const every = property(block, 'DURATION');
  if (repeat === undefined || every === undefined) return [0];
  const times = Number(repeat.value);
  if (!Number.isInteger(times) || times < 0) throw valueError(repeat, 'is no number of repetitions');
  const { days, ms } = distanceOf(every);
  return Array.from(
    { length: Math.min(times, CALENDAR_LIMITS.alarmsPerEvent) + 1 },
    (_, n) => n * (days * 86_400_000 + ms),
  );
}

function acknowledgedOf(block: ParsedBlock, zoneOf: ZoneOf): EpochMs | undefined {
  const source = property(block, 'ACKNOWLEDGED');
  if (source === undefined) return undefined;
  // The parser library does not know this property, and gives its text.
  const value = source.value.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z?$/, '$1-$2-$3T$4:$5:$6Z');
  return instantOf(startOf(source, zoneOf, value), 'UTC');
}

function groupedByUid(events: readonly ParsedBlock[]): ParsedBlock[][] {
  const groups = new Map<string, ParsedBlock[]>();
  for (const event of events) {
    const uid = uidOf(event);
    const group = groups.get(uid) ?? [];
    group.push(event);
    groups.set(uid, group);
  }
  return [...groups.values()];
}

/** An event without identity is known by what it says. */
function uidOf(event: ParsedBlock): string {
  return textOf(event, 'UID') || hashOf(`${textOf(event, 'SUMMARY')}|${property(event, 'DTSTART')?.value ?? ''}`);
}

/** The version that counts: highest SEQUENCE, then the later one in the file. */
function newest(events: readonly ParsedBlock[]): ParsedBlock | undefined {
  return events.reduce<ParsedBlock | undefined>(
    (best, event) => (best === undefined || sequenceOf(event) >= sequenceOf(best) ? event : best),
    undefined,
  );
}

function newestOfEach(overrides: readonly ParsedBlock[]): ParsedBlock[] {
  const groups = new Map<string, ParsedBlock[]>();
  for (const event of overrides) {
    const key = property(event, 'RECURRENCE-ID')?.value ?? '';
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()].flatMap((group) => newest(group) ?? []);
}

function sequenceOf(event: ParsedBlock): number {
  const source = property(event, 'SEQUENCE');
  if (source === undefined) return 0;
  const sequence = Number(source.value);
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw valueError(source, 'is no version number');
  return sequence;
}

function isCancelledEvent(event: ParsedBlock): boolean {
  return textOf(event, 'STATUS').toUpperCase() === 'CANCELLED';
}

function skip(event: ParsedBlock, reason: SkipReason, detail?: string): Skipped {
  const title = textOf(event, 'SUMMARY') || '(no title)';
  return { uid: uidOf(event), title, reason, ...(detail === undefined ? {} : { detail }) };
}
