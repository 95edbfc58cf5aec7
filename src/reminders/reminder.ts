import { createHash } from 'node:crypto';
import { isName } from '../domain/limits.js';
import type { JsonObject } from '../domain/json.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';

/** An all-day start (`2026-11-21`), or a wall-clock one; `timeZone` null = floating: it is read in the zone of the user. */
export type Start = { readonly date: string } | { readonly local: string; readonly timeZone: string | null };

export function isAllDay(start: Start): start is { readonly date: string } {
  return 'date' in start;
}

/** A distance on the calendar: whole days by the wall clock, then exact time. Both may be negative. */
export interface Distance {
  readonly days: number;
  readonly ms: DurationMs;
}

/**
 * When to remind. `relative` counts from the start or the end of the event. `clock` is for all-day events: so
 * many days before, at this time of the user's wall clock. `absolute` is one instant, whatever the event does.
 */
export type Alarm = (
  | ({ readonly type: 'relative'; readonly relatedTo: 'start' | 'end' } & Distance)
  | { readonly type: 'clock'; readonly daysBefore: number; readonly at: string }
  | { readonly type: 'absolute'; readonly at: EpochMs }
) & {
  /** Whatever was due up to here was seen by the user on some device (RFC 9074). */
  readonly acknowledgedAt?: EpochMs;
};

/** What happens once: an event, or one instance of a series that was moved. */
export interface Occasion {
  readonly title: string;
  readonly body?: string;
  readonly start: Start;
  /** From start to end. */
  readonly length: Distance;
  /** Null = the file says nothing, the user's defaults apply; empty = none wanted. */
  readonly alarms: readonly Alarm[] | null;
}

/** An instance of a series that differs from it, named by the start that it had in the series. */
export type Instance =
  | { readonly replaces: string; readonly isCancelled: true }
  | ({ readonly replaces: string; readonly isCancelled: false } & Occasion);

export type ReminderKind = 'event' | 'birthday';

/** One event, series or birthday that somebody wants to be reminded of. */
export interface Reminder extends Occasion {
  /** Unique per user, fit for a URL. */
  readonly id: string;
  /** The identity that its source gave it (RFC 5545 UID). */
  readonly uid: string;
  readonly kind: ReminderKind;
  /** Version by its source: a smaller one never replaces a larger one. */
  readonly sequence: number;
  readonly isCancelled: boolean;
  /** Lines `RRULE:…` and `RDATE:…`; absent for something that happens once. */
  readonly recurrence?: readonly string[];
  /** Starts that do not take place: dates or wall-clock times, like `start`. */
  readonly exdates: readonly string[];
  readonly instances: readonly Instance[];
  /** For the page that shows the reminder. */
  readonly data?: JsonObject;
}

/** Something in a file that led to no reminder. */
export interface Skipped {
  readonly uid: string;
  readonly title: string;
  readonly reason: SkipReason;
  readonly detail?: string;
}

/** What a file holds. */
export interface ReadFile {
  readonly reminders: readonly Reminder[];
  readonly skipped: readonly Skipped[];
}

/** Why something in a file led to no reminder. */
export type SkipReason =
  | 'past'
  | 'no-alarms'
  | 'cancelled'
  | 'older-than-stored'
  | 'invalid'
  | 'unknown-time-zone'
  | 'too-frequent'
  | 'series-not-in-file'
  | 'not-supported'
  | 'no-birthday';

/** A UID that is fit for a URL stays readable, any other becomes a hash of itself. */
export function reminderIdOf(uid: string): string {
  return isName(uid) && uid.length <= 64 ? uid : hashOf(uid);
}

/** 96 bits: two identities do not share one. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
