import { isDeepStrictEqual } from 'node:util';
import { MAX_CALENDARS } from '../../domain/limits.js';
import type { Clock } from '../../runtime/clock.js';
import { baseCycle, calendarConflict, calendarInUse, tooManyCalendars, unknownBase } from '../calendar-refusals.js';
import type { Calendar, CalendarStore, PutCalendar } from '../calendar-store.js';
import type { ExpectedVersion, PutOutcome } from '../job-store.js';

export class MemoryCalendarStore implements CalendarStore {
  readonly #clock: Clock;
  readonly #namespaces = new Map<string, Map<string, Calendar>>();
  readonly #revisions = new Map<string, number>();
  #revision = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  async putCalendar(put: PutCalendar): Promise<{ outcome: PutOutcome; calendar: Calendar }> {
    const { namespace, name, definition } = put;
    const calendars = this.#of(namespace);
    const old = calendars.get(name);
    const isSame = old !== undefined && isDeepStrictEqual(old.definition, definition);
    if (isSame && typeof put.expectedVersion === 'number' && old.version === put.expectedVersion + 1) {
      // The next version with what the call writes: the answer to it was lost. Who asks for a new one is told.
      return { outcome: 'changed', calendar: old };
    }
    checkVersion(put, put.expectedVersion, old);
    if (isSame) {
      return { outcome: 'unchanged', calendar: old };
    }
    if (old === undefined && calendars.size >= MAX_CALENDARS) throw tooManyCalendars(namespace);
    for (let base = definition.base; base !== undefined; base = calendars.get(base)?.definition.base) {
      if (base === name) throw baseCycle();
      if (!calendars.has(base)) throw unknownBase(base);
    }
    const now = this.#clock.now();
    const calendar: Calendar = {
      ...{ namespace, name, definition: structuredClone(definition) },
      ...{ version: (old?.version ?? 0) + 1, createdAt: old?.createdAt ?? now, updatedAt: now },
    };
    calendars.set(name, calendar);
    this.#namespaces.set(namespace, calendars);
    this.#changed(namespace);
    return { outcome: old === undefined ? 'created' : 'changed', calendar };
  }

  async getCalendar(namespace: string, name: string): Promise<Calendar | null> {
    return this.#of(namespace).get(name) ?? null;
  }

  async listCalendars(namespace: string): Promise<readonly Calendar[]> {
    return [...this.#of(namespace).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async deleteCalendar(namespace: string, name: string, expected?: number): Promise<boolean> {
    const calendars = this.#of(namespace);
    const old = calendars.get(name);
    if (old === undefined) return false;
    checkVersion(old, expected, old);
    const users = [...calendars.values()].filter(({ definition }) => definition.base === name);
    if (users.length > 0) throw calendarInUse(old, users.map((user) => user.name).sort());
    calendars.delete(name);
    this.#changed(namespace);
    return true;
  }

  async revision(): Promise<number> {
    return this.#revision;
  }

  async touch(namespace: string): Promise<void> {
    this.#changed(namespace);
  }

  async revisions(): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#revisions);
  }

  #of(namespace: string): Map<string, Calendar> {
    return this.#namespaces.get(namespace) ?? new Map<string, Calendar>();
  }

  #changed(namespace: string): void {
    this.#revision += 1;
    this.#revisions.set(namespace, this.#revision);
  }
}

function checkVersion(
  calendar: { readonly namespace: string; readonly name: string },
  expected: ExpectedVersion,
  stored: Calendar | undefined,
): void {
  if (expected === undefined || expected === (stored?.version ?? null)) return;
  throw calendarConflict(calendar, expected, stored?.version ?? 0);
}
