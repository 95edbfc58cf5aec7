import { compileCalendar, type CalendarDefinition, type CompiledCalendar } from './calendar.js';
import { ValidationError } from './errors.js';
import { BoundedCache } from './time/bounded-cache.js';
import type { EpochMs } from './time/instant.js';

/** Calendars made ready, by name and zone, that are kept for one namespace. */
const MAX_COMPILED = 1000;

export interface DatedCalendar {
  readonly definition: CalendarDefinition;
  readonly updatedAt: EpochMs;
}

/** The calendars of one namespace at one moment, made ready when they are first asked for. */
export class CalendarSet {
  readonly #calendars: ReadonlyMap<string, DatedCalendar>;
  readonly #compiled = new BoundedCache<CompiledCalendar>(MAX_COMPILED);

  constructor(calendars: ReadonlyMap<string, DatedCalendar>) {
    this.#calendars = calendars;
  }

  /** When one of these calendars, or a base of theirs, was changed last; -Infinity where there is none. */
  changedAt(names: readonly string[]): EpochMs {
    let changedAt = -Infinity;
    const seen = new Set(names);
    // Grows by the bases while it is gone through.
    for (const name of seen) {
      const calendar = this.#calendars.get(name);
      if (calendar === undefined) continue;
      changedAt = Math.max(changedAt, calendar.updatedAt);
      if (calendar.definition.base !== undefined) seen.add(calendar.definition.base);
    }
    return changedAt;
  }

  /**
   * The calendars that a trigger in this zone names, each with its bases.
   * Errors: `ValidationError` with `CJ_CALENDAR_NOT_FOUND`, field `calendars[i]`.
   */
  compiled(names: readonly string[], timeZone: string): readonly CompiledCalendar[] {
    return names.map((name, index) => {
      const compiled = this.#compile(name, timeZone, []);
      if (compiled !== null) return compiled;
      const message = `names the calendar ${name}, or a base of it, which does not exist`;
      throw new ValidationError([{ field: `calendars[${index}]`, message }], 'CJ_CALENDAR_NOT_FOUND');
    });
  }

  /** Null when it or one of its bases is missing; bases that lead back, which no store takes, count as missing. */
  #compile(name: string, timeZone: string, above: readonly string[]): CompiledCalendar | null {
    const key = `${timeZone}|${name}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const definition = this.#calendars.get(name)?.definition;
    if (definition === undefined || above.includes(name)) return null;
    const base = definition.base === undefined ? undefined : this.#compile(definition.base, timeZone, [...above, name]);
    if (base === null) return null;
    const compiled = compileCalendar(definition, { timeZone, base });
    this.#compiled.set(key, compiled);
    return compiled;
  }
}
