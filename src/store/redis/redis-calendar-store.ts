import type { CalendarDefinition } from '../../domain/calendar.js';
import { InvariantError } from '../../domain/errors.js';
import { MAX_CALENDARS } from '../../domain/limits.js';
import { baseCycle, calendarConflict, calendarInUse, tooManyCalendars, unknownBase } from '../calendar-refusals.js';
import type { Calendar, CalendarStore, PutCalendar } from '../calendar-store.js';
import type { PutOutcome } from '../job-store.js';
import { canonicalJson, parseJson } from './canonical-json.js';
import type { RedisConnection } from './connection.js';
import { calendarKeysOf, calendarRevisionsKey, type CalendarKeys } from './keys.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
}

const OUTCOMES: ReadonlyMap<unknown, PutOutcome> = new Map([
  [CODES.CREATED, 'created'],
  [CODES.CHANGED, 'changed'],
  [CODES.UNCHANGED, 'unchanged'],
]);

/** Calendars in Redis: one hash for each namespace, and one of revisions for all. */
export class RedisCalendarStore implements CalendarStore {
  readonly #deps: Deps;
  readonly #cluster: string;

  constructor(deps: Deps, { cluster }: { cluster: string }) {
    this.#deps = deps;
    this.#cluster = cluster;
  }

  async putCalendar(put: PutCalendar): Promise<{ outcome: PutOutcome; calendar: Calendar }> {
    const { namespace, name, definition, expectedVersion: expected } = put;
    const expectedText = expected === undefined ? '' : (expected ?? 0);
    const text = canonicalJson(definition);
    const args = [namespace, name, expectedText, definition.base ?? '', text, MAX_CALENDARS];
    const [code, detail] = await this.#run('put_calendar', namespace, args);
    switch (code) {
      case CODES.CONFLICT:
        throw calendarConflict(put, expected, Number(detail));
      case CODES.NOT_FOUND:
        throw unknownBase(definition.base ?? '');
      case CODES.CYCLE:
        throw baseCycle();
      case CODES.FULL:
        throw tooManyCalendars(namespace);
    }
    const outcome = OUTCOMES.get(code);
    if (outcome === undefined) throw new InvariantError(`unexpected code ${String(code)} of put_calendar`);
    return { outcome, calendar: decodeCalendar(namespace, name, String(detail)) };
  }

  async getCalendar(namespace: string, name: string): Promise<Calendar | null> {
    const { calendars } = this.#keys(namespace);
    const record = await this.#deps.connection.send('HGET', [calendars, name]);
    return typeof record === 'string' ? decodeCalendar(namespace, name, record) : null;
  }

  async listCalendars(namespace: string): Promise<readonly Calendar[]> {
    const { calendars } = this.#keys(namespace);
    const reply = (await this.#deps.connection.send('HGETALL', [calendars])) as string[];
    const found: Calendar[] = [];
    for (let i = 0; i < reply.length; i += 2) {
      found.push(decodeCalendar(namespace, String(reply[i]), String(reply[i + 1])));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async deleteCalendar(namespace: string, name: string, expected?: number): Promise<boolean> {
    const [code, ...rest] = await this.#run('delete_calendar', namespace, [namespace, name, expected ?? '']);
    if (code === CODES.CONFLICT) throw calendarConflict({ namespace, name }, expected, Number(rest[0]));
    if (code === CODES.IN_USE) throw calendarInUse({ namespace, name }, rest.map(String).sort());
    return code === CODES.DELETED;
  }

  async revision(): Promise<number> {
    const revision = await this.#deps.connection.send('HGET', [calendarRevisionsKey(this.#cluster), '*']);
    return Number(revision ?? 0);
  }

  async touch(namespace: string): Promise<void> {
    await this.#deps.scripts.run('touch_calendars', [calendarRevisionsKey(this.#cluster)], [namespace]);
  }

  async revisions(): Promise<ReadonlyMap<string, number>> {
    const reply = (await this.#deps.connection.send('HGETALL', [calendarRevisionsKey(this.#cluster)])) as string[];
    const revisions = new Map<string, number>();
    for (let i = 0; i < reply.length; i += 2) revisions.set(String(reply[i]), Number(reply[i + 1]));
    revisions.delete('*');
    return revisions;
  }

  async #run(name: ScriptName, namespace: string, args: readonly (string | number)[]): Promise<unknown[]> {
    const { calendars, calendarBases, calendarRevisions } = this.#keys(namespace);
    const keys = [calendars, calendarBases, calendarRevisions];
    return (await this.#deps.scripts.run(name, keys, args)) as unknown[];
  }

  #keys(namespace: string): CalendarKeys {
    return calendarKeysOf(this.#cluster, namespace);
  }
}

/** `version|createdAt|updatedAt`, and the definition as JSON below. */
function decodeCalendar(namespace: string, name: string, record: string): Calendar {
  const lineEnd = record.indexOf('\n');
  const [version, createdAt, updatedAt] = record.slice(0, lineEnd).split('|').map(Number);
  if (version === undefined || createdAt === undefined || updatedAt === undefined) {
    throw new InvariantError(`the record of calendar ${namespace}/${name} is damaged`);
  }
  const definition = parseJson(record.slice(lineEnd + 1)) as unknown as CalendarDefinition;
  return { namespace, name, definition, version, createdAt, updatedAt };
}
