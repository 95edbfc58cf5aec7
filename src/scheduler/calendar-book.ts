import type { CompiledCalendar } from '../domain/calendar.js';
import { CalendarSet } from '../domain/calendar-set.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import type { CalendarStore } from '../store/calendar-store.js';
import type { EventBus } from '../store/event-bus.js';
import type { Unsubscribe } from '../store/execution-store.js';

export interface CalendarBookDeps {
  readonly calendars: CalendarStore;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Announcements may be lost: the revision is read this often. */
const CHECK_INTERVAL_MS: DurationMs = 1000;

/**
 * All calendars as this process knows them, for every shard that it leads. Looks for a change when one is
 * announced or an announcement may have been missed and, by reading one number, every second. Answers at once
 * from memory.
 */
export class CalendarBook extends Service {
  readonly name = 'calendar-book';
  readonly #deps: CalendarBookDeps;
  readonly #loop: PeriodicLoop;
  readonly #listeners = new Set<() => void>();
  readonly #sets = new Map<string, CalendarSet>();
  #known: ReadonlyMap<string, number> = new Map();
  #revision = 0;
  #refreshing: Promise<void> = Promise.resolve();
  #unsubscribe: Unsubscribe | undefined;

  constructor(deps: CalendarBookDeps) {
    super();
    this.#deps = deps;
    const { clock, logger } = deps;
    this.#loop = new PeriodicLoop(
      { clock, logger, runOnce: () => this.refresh() },
      { name: this.name, intervalMs: CHECK_INTERVAL_MS, longestErrorDelayMs: CHECK_INTERVAL_MS },
    );
  }

  /** Of the calendars that are known here. */
  get revision(): number {
    return this.#revision;
  }

  /** Errors: `ValidationError` with `CJ_CALENDAR_NOT_FOUND`. */
  compiled(namespace: string, names: readonly string[], timeZone: string): readonly CompiledCalendar[] {
    return this.#set(namespace).compiled(names, timeZone);
  }

  /** When one of these calendars, or a base of theirs, was changed last, by the store's clock. */
  changedAt(namespace: string, names: readonly string[]): EpochMs {
    return this.#set(namespace).changedAt(names);
  }

  /** Called right after what is known has changed. Returns how to end that. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves when everything stored before the call is known. Calls follow each other. */
  refresh(): Promise<void> {
    const refreshed = this.#refreshing.catch(() => undefined).then(() => this.#refresh());
    this.#refreshing = refreshed;
    return refreshed;
  }

  protected async onStart(): Promise<void> {
    const { events, logger } = this.#deps;
    try {
      this.#unsubscribe = await events.subscribe(
        ({ type }) => {
          if (type === 'calendar-changed') this.#loop.wake();
        },
        // At once, also while the loop waits after a failure; if this fails too, it goes on by itself.
        () => void this.refresh().catch(() => undefined),
      );
    } catch (error) {
      // The revision is looked at anyway.
      logger.warn('calendar-changes-not-subscribed', { error });
    }
    await this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    await this.#loop.stop();
    await this.#unsubscribe?.().catch(() => undefined);
  }

  #set(namespace: string): CalendarSet {
    return this.#sets.get(namespace) ?? new CalendarSet(new Map());
  }

  async #refresh(): Promise<void> {
    const { calendars } = this.#deps;
    if ((await calendars.revision()) === this.#revision) return;
    // The numbers before the calendars: what changes in between is read once more.
    const revisions = await calendars.revisions();
    const changed = [...revisions].filter(([namespace, revision]) => this.#known.get(namespace) !== revision);
    const sets = await Promise.all(
      changed.map(async ([namespace]): Promise<[string, CalendarSet]> => {
        const stored = await calendars.listCalendars(namespace);
        return [namespace, new CalendarSet(new Map(stored.map((calendar) => [calendar.name, calendar])))];
      }),
    );
    for (const [namespace, set] of sets) this.#sets.set(namespace, set);
    this.#known = revisions;
    this.#revision = Math.max(0, ...revisions.values());
    for (const listener of [...this.#listeners]) listener();
  }
}
