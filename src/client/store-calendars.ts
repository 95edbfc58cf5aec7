import { parseCalendar } from '../domain/calendar.js';
import { NotFoundError, ValidationError } from '../domain/errors.js';
import type { TriggerKey } from '../domain/trigger.js';
import { calendarInUse } from '../store/calendar-refusals.js';
import type { Calendar } from '../store/calendar-store.js';
import type { PutOutcome } from '../store/job-store.js';
import type { Stores } from '../store/stores.js';
import { CalendarLookup } from './calendar-lookup.js';
import type { WriteOptions } from './job-client.js';
import { checkedName } from './queries.js';
import { calendarView, calendarSummary } from './view-of.js';
import type { CalendarSummary, CalendarView } from './views.js';

export type StoreCalendarsDeps = Pick<Stores, 'calendars' | 'planning' | 'jobs' | 'events' | 'clusterClock'>;

const readOnlyNames: readonly string[] = ['namespace', 'name', 'version', 'createdAt', 'updatedAt'];

/** Users that are named when a calendar cannot be deleted. */
const MAX_NAMED_USERS = 10;

/** The calendars of one namespace, over the store. Contract: `JobClient`. */
export class StoreCalendars {
  readonly #deps: StoreCalendarsDeps;
  readonly #namespace: string;

  constructor(deps: StoreCalendarsDeps, config: { namespace: string }) {
    this.#deps = deps;
    this.#namespace = config.namespace;
  }

  async put(
    name: string,
    input: unknown,
    { ifVersion }: WriteOptions,
  ): Promise<{ outcome: PutOutcome; calendar: CalendarView }> {
    const put = { namespace: this.#namespace, name: checkedName('calendar', name), expectedVersion: ifVersion };
    const definition = parseCalendar(withoutReadOnly(input, name));
    const { outcome, calendar } = await this.#deps.calendars.putCalendar({ ...put, definition });
    if (outcome !== 'unchanged') this.#announce(name, outcome);
    return { outcome, calendar: calendarView(calendar) };
  }

  async get(name: string): Promise<CalendarView> {
    return calendarView(await this.#existing(name));
  }

  async list(): Promise<readonly CalendarSummary[]> {
    return (await this.#deps.calendars.listCalendars(this.#namespace)).map(calendarSummary);
  }

  /**
   * Looks through all triggers of the cluster for one that names it. One that is written in the same moment may
   * be overlooked: it does not fire until the calendar is there again.
   */
  async delete(name: string, { ifVersion }: WriteOptions): Promise<void> {
    const calendar = await this.#existing(name);
    const users = await this.#usersOf(name);
    if (users.length > 0) throw calendarInUse(calendar, users);
    const wasThere = await this.#deps.calendars.deleteCalendar(this.#namespace, name, ifVersion ?? undefined);
    if (!wasThere) throw this.#notFound(name);
    this.#announce(name, 'deleted');
  }

  lookup(): CalendarLookup {
    return new CalendarLookup(this.#deps.calendars, this.#namespace);
  }

  async #usersOf(name: string): Promise<readonly TriggerKey[]> {
    const shards = Array.from({ length: this.#deps.jobs.shardCount }, (_, shard) => this.#usersIn(shard, name));
    const found = await Promise.all(shards);
    return found.flat().sort().slice(0, MAX_NAMED_USERS);
  }

  async #usersIn(shard: number, name: string): Promise<readonly TriggerKey[]> {
    const users = new Set<TriggerKey>();
    for (let cursor: string | null = null; ;) {
      const page = await this.#deps.planning.scanTriggers(shard, { cursor, withCalendars: true });
      for (const { key, definition } of page.triggers) {
        const isUser = key.startsWith(`${this.#namespace}/`) && definition.calendars?.includes(name) === true;
        if (isUser) users.add(key);
      }
      if (page.nextCursor === null || users.size >= MAX_NAMED_USERS) return [...users];
      cursor = page.nextCursor;
    }
  }

  #announce(calendar: string, outcome: PutOutcome | 'deleted'): void {
    const at = Math.floor(this.#deps.clusterClock.now());
    this.#deps.events.publish([
      { type: 'calendar-changed', at, namespace: this.#namespace, facts: { calendar, outcome } },
    ]);
  }

  async #existing(name: string): Promise<Calendar> {
    const calendar = await this.#deps.calendars.getCalendar(this.#namespace, checkedName('calendar', name));
    if (calendar === null) throw this.#notFound(name);
    return calendar;
  }

  #notFound(name: string): NotFoundError {
    const calendar = `${this.#namespace}/${name}`;
    return new NotFoundError('CJ_CALENDAR_NOT_FOUND', `there is no calendar ${calendar}`, { calendar });
  }
}

/** A calendar that was read may be changed and put back: what only a get shows is passed over. */
function withoutReadOnly(input: unknown, name: string): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  if ('name' in input && input.name !== name) {
    throw new ValidationError([{ field: 'name', message: 'differs from the name in the address', allowed: name }]);
  }
  return Object.fromEntries(Object.entries(input).filter(([field]) => !readOnlyNames.includes(field)));
}
