import type { CompiledCalendar } from '../domain/calendar.js';
import { CalendarSet, type DatedCalendar } from '../domain/calendar-set.js';
import type { TriggerDefinition } from '../domain/trigger.js';
import type { CalendarStore } from '../store/calendar-store.js';

/**
 * Reads calendars of one namespace as they are named, each once: for one call, so that nothing grows old. What
 * was written with them is to be confirmed.
 */
export class CalendarLookup {
  readonly #calendars: CalendarStore;
  readonly #namespace: string;
  readonly #read = new Set<string>();
  readonly #found = new Map<string, DatedCalendar>();
  #set = new CalendarSet(this.#found);
  /** Before the first calendar was read. */
  #revision: number | undefined;

  constructor(calendars: CalendarStore, namespace: string) {
    this.#calendars = calendars;
    this.#namespace = namespace;
  }

  /** Those that a trigger names. Errors: `ValidationError` with `CJ_CALENDAR_NOT_FOUND`, field `calendars[i]`. */
  async of({
    calendars = [],
    timeZone,
  }: Pick<TriggerDefinition, 'calendars' | 'timeZone'>): Promise<readonly CompiledCalendar[]> {
    for (const name of calendars) await this.#readAll(name);
    return this.#set.compiled(calendars, timeZone);
  }

  /**
   * To be called after triggers were written. If a calendar was changed since it was read, the leaders may have
   * gone over the triggers before these were there: then they are made to do so once more.
   */
  async confirm(): Promise<void> {
    if (this.#revision === undefined || (await this.#calendars.revision()) === this.#revision) return;
    await this.#calendars.touch(this.#namespace);
    this.#read.clear();
    this.#found.clear();
    this.#set = new CalendarSet(this.#found);
    this.#revision = undefined;
  }

  /** With its bases. */
  async #readAll(first: string): Promise<void> {
    this.#revision ??= await this.#calendars.revision();
    for (let name: string | undefined = first; name !== undefined && !this.#read.has(name);) {
      const calendar = await this.#calendars.getCalendar(this.#namespace, name);
      this.#read.add(name);
      if (calendar === null) return;
      this.#found.set(name, calendar);
      name = calendar.definition.base;
    }
  }
}
