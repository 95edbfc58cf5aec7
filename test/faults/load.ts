import { AfterLoad } from './loads/after-load.js';
import { BackfillLoad } from './loads/backfill-load.js';
import { CalendarLoad } from './loads/calendar-load.js';
import { CronLoad } from './loads/cron-load.js';
import { EditedLoad } from './loads/edited-load.js';
import type { LoadPart } from './loads/load-part.js';
import { LoadWriter } from './loads/load-writer.js';
import { OnceLoad } from './loads/once-load.js';
import { PausableLoad } from './loads/pausable-load.js';
import { PlainLoad, RunNowLoad } from './loads/plain-load.js';
import type { ApiWrite } from './history.js';
import type { PlanBook } from './plan-book.js';
import type { Random } from './random.js';

export interface LoadOptions {
  readonly url: string;
  readonly namespace: string;
  readonly random: Random;
  /** Fires per second. */
  readonly fires: number;
}

const JOBS = 12;
const SERIAL = 8;
const FLAKY = 8;
const LONG = 6;
const SPREAD = 32;

/** Everything that goes on during a round: jobs of many kinds, some of which are changed all the time. */
export class Load {
  readonly #writer: LoadWriter;
  readonly #parts: readonly LoadPart[];
  readonly #rest = new AbortController();
  #changing: Promise<unknown> = Promise.resolve();

  constructor({ url, namespace, random, fires }: LoadOptions) {
    const writer = new LoadWriter({ url, namespace });
    const others = [
      EditedLoad,
      EditedLoad,
      PausableLoad,
      PausableLoad,
      CronLoad,
      OnceLoad,
      AfterLoad,
      BackfillLoad,
      CalendarLoad,
    ];
    const taken = others.reduce((sum, { firesPerSecond }) => sum + firesPerSecond, SERIAL * 2 + FLAKY + LONG + SPREAD);
    const rest = Math.max(JOBS, fires - taken);
    const plain = Array.from({ length: JOBS }, (_, i) => `load-${i}`);
    this.#writer = writer;
    this.#parts = [
      ...plain.map((name, i) => {
        const triggers = Math.floor(rest / JOBS) + (i < rest % JOBS ? 1 : 0);
        return new PlainLoad(writer, { name }, { everyMs: 1000, triggers });
      }),
      new PlainLoad(
        writer,
        { name: 'serial', overlap: 'skip', data: { takesMs: 700 } },
        { everyMs: 500, triggers: SERIAL },
      ),
      new PlainLoad(writer, { name: 'flaky', data: { failsUntil: 1 } }, { everyMs: 1000, triggers: FLAKY }),
      // Longer than a lease holds without its worker.
      new PlainLoad(writer, { name: 'long', data: { takesMs: 2500 } }, { everyMs: 1000, triggers: LONG }),
      new PlainLoad(writer, { name: 'spread', partitioned: true }, { everyMs: 1000, triggers: SPREAD }),
      new EditedLoad(writer, random, { job: { name: 'edited' }, editors: 4 }),
      new EditedLoad(writer, random, { job: { name: 'edited-spread', partitioned: true }, editors: 2 }),
      new PausableLoad(writer, random, { name: 'pausable' }),
      new PausableLoad(writer, random, { name: 'pausable-spread', partitioned: true }),
      new CronLoad(writer),
      new OnceLoad(writer, random),
      new AfterLoad(writer),
      new BackfillLoad(writer, random),
      new CalendarLoad(writer, random),
      new RunNowLoad(writer, random, [...plain, 'spread']),
    ];
  }

  get book(): PlanBook {
    return this.#writer.book;
  }

  get writes(): readonly ApiWrite[] {
    return this.#writer.writes;
  }

  get refusals(): readonly { readonly at: number; readonly text: string }[] {
    return this.#writer.refusals;
  }

  /** Stores everything and begins to change it. */
  async start(): Promise<void> {
    await inTurns(this.#parts, (part) => part.define());
    this.#changing = Promise.all(this.#parts.map(async (part) => part.keepChanging?.(this.#rest.signal)));
  }

  async stopEditing(): Promise<void> {
    this.#rest.abort();
    await this.#changing;
  }

  /** No job fires any more; what was fired goes on. */
  async pauseAll(): Promise<void> {
    await inTurns(this.#jobs(), async (name) => {
      const span = await this.#writer.pauseJob(name);
      this.book.endJob(this.#writer.jobKey(name), span);
      this.#writer.note(`job ${name}`, 'paused', span);
    });
  }

  async deleteAll(): Promise<void> {
    await inTurns(this.#jobs(), async (name) => {
      await this.#writer.repeat({ method: 'DELETE', path: this.#writer.jobPath(name) });
    });
    await inTurns(this.#parts, async (part) => part.clear?.());
  }

  /** What is stored now, for each entity that was written. */
  async found(recorded: ReadonlySet<string>): Promise<ReadonlyMap<string, string | null>> {
    const found = new Map<string, string | null>();
    const entities = [...new Set(this.writes.map((write) => write.entity))];
    await inTurns(entities, async (entity) => {
      const [kind = '', name = ''] = entity.split(' ');
      if (kind === 'run') found.set(entity, recorded.has(name) ? 'recorded' : null);
      else found.set(entity, await this.#stored(this.#pathOf(kind, name)));
    });
    return found;
  }

  #jobs(): readonly string[] {
    return this.#parts.flatMap((part) => part.jobs);
  }

  #pathOf(kind: string, name: string): string {
    if (kind === 'calendar') return this.#writer.calendarPath(name);
    const [job = '', part = ''] = name.split('/');
    return kind === 'job' ? this.#writer.jobPath(job) : `${this.#writer.jobPath(job)}/${kind}s/${part}`;
  }

  /** The state, with the phase of an active `every` trigger, or the mode of a calendar; null when it is not there. */
  async #stored(path: string): Promise<string | null> {
    const answer = await this.#writer.ask({ method: 'GET', path }, (given) => given.outcome !== 'unknown');
    if (answer.status === 404) return null;
    const { state, mode, schedule, status } = answer.body as Stored;
    if (status === undefined) return state ?? mode ?? null;
    if (schedule === undefined || status.state !== 'active') return status.state;
    return `active ${Date.parse(schedule.anchor) % 1000}`;
  }
}

/** A trigger, a job without a schedule of its own, a backfill, or a calendar. */
interface Stored {
  readonly state?: string;
  readonly mode?: string;
  readonly schedule?: { readonly anchor: string };
  readonly status?: { readonly state: string };
}

/** A few at a time: hundreds of connections at once would be a fault of ours. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const next = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, next));
}
