import type { CalendarDefinition } from '../domain/calendar.js';
import type { EpochMs } from '../domain/time/instant.js';
import type { ExpectedVersion, PutOutcome } from './job-store.js';

export interface Calendar {
  readonly namespace: string;
  readonly name: string;
  readonly definition: CalendarDefinition;
  /** Grows with every change, from 1: the ETag. */
  readonly version: number;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
}

export interface PutCalendar {
  readonly namespace: string;
  readonly name: string;
  readonly definition: CalendarDefinition;
  readonly expectedVersion?: ExpectedVersion;
}

/**
 * Calendars by namespace. They belong to no shard: every leader reads them. One number, the revision, grows
 * with every change of any calendar, so that a leader sees a change by reading that number. All methods may
 * throw `StoreUnavailableError` and may be repeated with the same arguments.
 */
export interface CalendarStore {
  /**
   * What is equal to what is stored keeps its version. Errors: `CJ_VERSION_CONFLICT`; `ValidationError` with
   * field `base` for one that does not exist (`CJ_CALENDAR_NOT_FOUND`) or that leads back to this calendar;
   * `CJ_STATE_CONFLICT` when the namespace has `MAX_CALENDARS`.
   */
  putCalendar(put: PutCalendar): Promise<{ readonly outcome: PutOutcome; readonly calendar: Calendar }>;

  getCalendar(namespace: string, name: string): Promise<Calendar | null>;

  /** All of a namespace, by name. */
  listCalendars(namespace: string): Promise<readonly Calendar[]>;

  /**
   * False when there was none. Errors: `CJ_VERSION_CONFLICT`; `CJ_STATE_CONFLICT` with `details.users` while
   * other calendars stand on it.
   */
  deleteCalendar(namespace: string, name: string, expectedVersion?: number): Promise<boolean>;

  /** The revision of all calendars; 0 before the first. */
  revision(): Promise<number>;

  /** Raises the revision as if a calendar of the namespace had changed: leaders look at its triggers once more. */
  touch(namespace: string): Promise<void>;

  /** For each namespace that has or had calendars: the revision at which one of them was changed last. */
  revisions(): Promise<ReadonlyMap<string, number>>;
}
