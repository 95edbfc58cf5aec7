import { DAY_MS, MINUTE_MS } from '../domain/time/civil.js';
import { toIso, type DurationMs, type EpochMs } from '../domain/time/instant.js';
import { timeZoneOf } from '../domain/time/time-zone.js';
import { MESSAGE_LIMITS } from '../domain/limits.js';
import type { JsonObject } from '../domain/json.js';
import type { Schedule } from '../domain/time/schedule.js';
import type { TriggerInput } from '../domain/trigger.js';
import { hashOf, isAllDay, type Alarm, type Distance, type Occasion, type Reminder, type Start } from './reminder.js';

/**
 * Turns a reminder into triggers: one for each alarm of the event or series, and one for each alarm of an
 * instance that was moved out of the series. Pure.
 *
 * A series is kept as its own rule with a distance to the alarm (`offsetDays`, `offsetMs`), never as a shifted
 * rule: "the day before the fourth Thursday" is no rule, and fifteen minutes are fifteen minutes also in the
 * night of a clock change. All-day events have no instant: their alarms are wall-clock times in the zone of
 * the user, so that a midnight that does not exist is never asked for.
 */

/** What applies where the file says nothing. */
export interface ReminderDefaults {
  /** For events with a time. */
  readonly minutesBefore: number;
  /** For all-day events, and for birthdays. */
  readonly allDay: { readonly daysBefore: number; readonly at: string };
  readonly birthday: { readonly daysBefore: number; readonly at: string };
}

export const REMINDER_DEFAULTS: ReminderDefaults = {
  minutesBefore: 10,
  allDay: { daysBefore: 0, at: '09:00' },
  birthday: { daysBefore: 0, at: '09:00' },
};

/** What a trigger keeps about its reminder, beside the message. */
export interface TriggerFacts {
  readonly id: string;
  readonly uid: string;
  readonly kind: Reminder['kind'];
  readonly sequence: number;
  /** In the zone of the user, whatever that is then. */
  readonly isFloating: boolean;
  readonly startsAt: string;
  /** `P1DT09:00` and the like: which alarm of the event this is. */
  readonly alarm: string;
  /** The start in the series that this moved instance replaces. */
  readonly replaces?: string;
}

export type PlannedTrigger = Omit<TriggerInput, 'name' | 'data'> & { readonly name: string; readonly data: JsonObject };

const ONCE = 'FREQ=DAILY;COUNT=1';
/** A reminder that is late by more than this after the start of its event is recorded as missed, not shown. */
const LATE_AFTER_START_MS: DurationMs = 15 * MINUTE_MS;
/** All-day reminders are worth showing until the evening. */
const LATE_ALL_DAY_MS: DurationMs = 12 * 60 * MINUTE_MS;

export function triggersOf(
  reminder: Reminder,
  { timeZone, defaults }: { readonly timeZone: string; readonly defaults: ReminderDefaults },
): PlannedTrigger[] {
  if (reminder.isCancelled) return [];
  const moved = reminder.instances.flatMap((instance) =>
    instance.isCancelled
      ? []
      : planned(reminder, { ...instance, alarms: instance.alarms ?? reminder.alarms }, timeZone, defaults),
  );
  return unique([...planned(reminder, reminder, timeZone, defaults), ...moved]);
}

function planned(
  reminder: Reminder,
  occasion: Occasion & { readonly replaces?: string },
  timeZone: string,
  defaults: ReminderDefaults,
): PlannedTrigger[] {
  const isSeries = occasion === reminder && reminder.recurrence !== undefined;
  const alarms = occasion.alarms ?? [defaultAlarm(reminder, occasion.start, defaults)];
  return alarms.flatMap((alarm) => {
    const timing = timingOf(alarm, occasion, isSeries ? seriesText(reminder) : null);
    if (timing === null) return [];
    const facts: TriggerFacts = {
      id: reminder.id,
      uid: reminder.uid,
      kind: reminder.kind,
      sequence: reminder.sequence,
      isFloating: timing.isFloating,
      startsAt: startText(occasion.start),
      alarm: alarmText(alarm),
      ...(occasion.replaces === undefined ? {} : { replaces: occasion.replaces }),
    };
    return {
      name: triggerNameOf(facts),
      schedule: timing.schedule,
      timeZone: zoneOf(occasion.start) ?? timeZone,
      ...(timing.schedule.type === 'rrule' ? { dstGap: 'shift' as const, dstOverlap: 'first' as const } : {}),
      ...(alarm.acknowledgedAt === undefined ? {} : { startAt: toIso(alarm.acknowledgedAt + 1) }),
      misfire: { policy: 'skip' as const, graceMs: timing.graceMs },
      data: { message: messageOf(reminder, occasion, timing), reminder: { ...facts } },
    };
  });
}

/** All triggers of one reminder share the part before the dot. */
export function triggerPrefix(id: string): string {
  return `${hashOf(id)}.`;
}

function triggerNameOf(facts: TriggerFacts): string {
  return `${triggerPrefix(facts.id)}${hashOf(`${facts.replaces ?? ''}|${facts.alarm}`)}`;
}

interface Timing {
  readonly schedule: Schedule;
  readonly isFloating: boolean;
  readonly graceMs: DurationMs;
  /** From the fire to the start of the event, where it is the same for all. */
  readonly lead: Distance | null;
}

/** `series` = the text of the recurrence, null for something that happens once. Null = this alarm has no meaning here. */
function timingOf(alarm: Alarm, occasion: Occasion, series: string | null): Timing | null {
  const { start, length } = occasion;
  if (alarm.type === 'absolute') {
    return { schedule: { type: 'at', at: toIso(alarm.at) }, isFloating: false, graceMs: LATE_ALL_DAY_MS, lead: null };
  }
  if (isAllDay(start)) return allDayTiming(alarm, { date: start.date, length, series });
  if (alarm.type === 'clock') return null;
  const offset = alarm.relatedTo === 'start' ? alarm : { days: alarm.days + length.days, ms: alarm.ms + length.ms };
  const graceMs = graceOf({ days: -offset.days, ms: -offset.ms });
  const lead = { days: -offset.days, ms: -offset.ms };
  if (series === null && start.timeZone !== null) {
    const at = instantOf(start.local, start.timeZone, offset);
    return { schedule: { type: 'at', at: toIso(at) }, isFloating: false, graceMs, lead };
  }
  return {
    schedule: {
      type: 'rrule',
      rrule: series ?? ONCE,
      dtstart: start.local,
      ...(offset.days === 0 ? {} : { offsetDays: offset.days }),
      ...(offset.ms === 0 ? {} : { offsetMs: offset.ms }),
    },
    isFloating: start.timeZone === null,
    graceMs,
    lead,
  };
}

/** The alarm of an all-day event is a time of day, some days away: hours count on the wall clock, from midnight. */
function allDayTiming(
  alarm: Exclude<Alarm, { type: 'absolute' }>,
  { date, length, series }: { date: string; length: Distance; series: string | null },
): Timing {
  const sinceMidnight = alarm.type === 'clock' ? clockMs(alarm.at) : alarm.ms + endMs(alarm, length);
  const days = alarm.type === 'clock' ? -alarm.daysBefore : alarm.days;
  const offsetDays = days + Math.floor(sinceMidnight / DAY_MS);
  const timeOfDay = sinceMidnight - Math.floor(sinceMidnight / DAY_MS) * DAY_MS;
  return {
    schedule: {
      type: 'rrule',
      rrule: series ?? ONCE,
      dtstart: new Date(Date.parse(`${date}T00:00:00Z`) + timeOfDay).toISOString().slice(0, 19),
      ...(offsetDays === 0 ? {} : { offsetDays }),
    },
    isFloating: true,
    graceMs: LATE_ALL_DAY_MS,
    lead: { days: -offsetDays, ms: 0 },
  };
}

function endMs(alarm: Alarm, length: Distance): DurationMs {
  return alarm.type === 'relative' && alarm.relatedTo === 'end' ? length.days * DAY_MS + length.ms : 0;
}

/** A late reminder is of use until a moment after the event has begun. */
function graceOf(lead: Distance): DurationMs {
  const leadMs = lead.days * DAY_MS + lead.ms;
  return Math.min(Math.max(leadMs, 0) + LATE_AFTER_START_MS, DAY_MS);
}

function defaultAlarm(reminder: Reminder, start: Start, defaults: ReminderDefaults): Alarm {
  if (!isAllDay(start)) {
    return { type: 'relative', relatedTo: 'start', days: 0, ms: -defaults.minutesBefore * MINUTE_MS };
  }
  return { type: 'clock', ...(reminder.kind === 'birthday' ? defaults.birthday : defaults.allDay) };
}

/** Moved and cancelled instances do not take place where the rule has them. */
function seriesText(reminder: Reminder): string {
  const excluded = [...new Set([...reminder.exdates, ...reminder.instances.map((instance) => instance.replaces)])];
  const lines = [...(reminder.recurrence ?? [])];
  if (excluded.length > 0) lines.push(`EXDATE:${excluded.map(compact).join(',')}`);
  return lines.join('\n');
}

function messageOf(reminder: Reminder, occasion: Occasion, { lead }: Timing): JsonObject {
  const { title, body, start } = occasion;
  const zone = zoneOf(start);
  return {
    title: cut(title, MESSAGE_LIMITS.titleLength),
    ...(body === undefined || body === '' ? {} : { body: cut(body, MESSAGE_LIMITS.bodyLength) }),
    data: {
      ...reminder.data,
      kind: reminder.kind,
      reminder: reminder.id,
      uid: reminder.uid,
      startsAt: startText(start),
      ...(zone === null ? {} : { timeZone: zone }),
      ...(lead === null || lead.days === 0 ? {} : { leadDays: lead.days }),
      ...(lead === null || lead.ms === 0 ? {} : { leadMs: lead.ms }),
    },
  };
}

/** Offsets that lead to the same instants are one reminder. */
function unique(triggers: readonly PlannedTrigger[]): PlannedTrigger[] {
  const seen = new Set<string>();
  return triggers.filter(({ name, schedule, timeZone }) => {
    const times = JSON.stringify([schedule, timeZone]);
    if (seen.has(times) || seen.has(name)) return false;
    seen.add(times).add(name);
    return true;
  });
}

function instantOf(local: string, timeZone: string, offset: Distance): EpochMs {
  return timeZoneOf(timeZone).instantOf(Date.parse(`${local}Z`) + offset.days * DAY_MS) + offset.ms;
}

function zoneOf(start: Start): string | null {
  return isAllDay(start) ? null : start.timeZone;
}

export function startText(start: Start): string {
  return isAllDay(start) ? start.date : start.local;
}

function alarmText(alarm: Alarm): string {
  if (alarm.type === 'absolute') return toIso(alarm.at);
  if (alarm.type === 'clock') return `P${alarm.daysBefore}D ${alarm.at}`;
  return `${alarm.relatedTo} ${alarm.days}D ${alarm.ms}ms`;
}

/** `HH:MM` */
function clockMs(at: string): DurationMs {
  return Number(at.slice(0, 2)) * 60 * MINUTE_MS + Number(at.slice(3, 5)) * MINUTE_MS;
}

/** `20261121` or `20261121T090000` */
function compact(text: string): string {
  return text.replaceAll(/[-:]/g, '');
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
