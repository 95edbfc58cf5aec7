import type { CalendarDefinition, CompiledCalendar } from '../domain/calendar.js';
import { CalendarSet } from '../domain/calendar-set.js';
import type { TriggerDefinition } from '../domain/trigger.js';
import type { CalendarStore } from '../store/calendar-store.js';

/** Reads calendars of one namespace as they are named, each once: for one call, so that nothing grows old. */
export class CalendarLookup {
  readonly #calendars: Pick<CalendarStore, 'getCalendar'>;
  readonly #namespace: string;
  readonly #read = new Set<string>();
  readonly #found = new Map<string, CalendarDefinition>();
  #set = new CalendarSet(new Map());

  constructor(calendars: Pick<CalendarStore, 'getCalendar'>, namespace: string) {
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

  /** With its bases. */
  async #readAll(first: string): Promise<void> {
    for (let name: string | undefined = first; name !== undefined && !this.#read.has(name);) {
      const calendar = await this.#calendars.getCalendar(this.#namespace, name);
      this.#read.add(name);
      if (calendar === null) return;
      this.#found.set(name, calendar.definition);
      this.#set = new CalendarSet(this.#found);
      name = calendar.definition.base;
    }
  }
}
