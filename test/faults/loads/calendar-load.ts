import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import { everySchedule, type Every } from './every-triggers.js';
import type { LoadPart } from './load-part.js';
import type { LoadWriter } from './load-writer.js';

const JOB = 'calendar';
const CALENDAR = 'even-seconds';
const PHASES = [0, 300, 600, 900];
const EXCLUDED = { type: 'cron', expression: '*/2 * * * * *', mode: 'exclude' };
const INCLUDED = { type: 'cron', expression: '* * * * * *', mode: 'include' };

/** Triggers of every second, and a calendar that takes away those of even seconds and gives them back. */
export class CalendarLoad implements LoadPart {
  static readonly firesPerSecond = PHASES.length;
  readonly jobs = [JOB];
  readonly #writer: LoadWriter;
  readonly #random: Random;

  constructor(writer: LoadWriter, random: Random) {
    this.#writer = writer;
    this.#random = random;
  }

  async define(): Promise<void> {
    await this.#put(EXCLUDED);
    await this.#writer.putJob({ name: JOB });
    const span = await this.#writer.putTriggers(
      JOB,
      PHASES.map((phaseMs, i) => ({
        name: `t${i}`,
        schedule: everySchedule({ kind: 'every', everyMs: 1000, phaseMs }),
        calendars: [CALENDAR],
      })),
    );
    for (const [i, phaseMs] of PHASES.entries()) {
      const rhythm = { kind: 'every' as const, everyMs: 2000, phaseMs: 1000 + phaseMs };
      this.#writer.book.begin(this.#writer.key(JOB, `t${i}`), { rhythm, overlap: 'allow' }, span);
    }
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    const { book } = this.#writer;
    const evens = PHASES.map((phaseMs, i) => ({ key: this.#writer.key(JOB, `t${i}`), rhythm: evenSeconds(phaseMs) }));
    while (!rest.aborted) {
      await passed(this.#random.between(500, 1500));
      const included = await this.#put(INCLUDED);
      for (const { key, rhythm } of evens) book.begin(key, { rhythm, overlap: 'allow', byCalendar: true }, included);
      await passed(this.#random.between(3000, 6000));
      const excluded = await this.#put(EXCLUDED);
      for (const { key, rhythm } of evens) book.end(key, excluded, { only: rhythm });
    }
  }

  async clear(): Promise<void> {
    await this.#writer.repeat({ method: 'DELETE', path: this.#writer.calendarPath(CALENDAR) });
  }

  async #put(calendar: typeof EXCLUDED): ReturnType<LoadWriter['repeat']> {
    const span = await this.#writer.repeat({
      method: 'PUT',
      path: this.#writer.calendarPath(CALENDAR),
      body: calendar,
    });
    this.#writer.note(`calendar ${CALENDAR}`, calendar.mode, span);
    return span;
  }
}

function evenSeconds(phaseMs: number): Every {
  return { kind: 'every', everyMs: 2000, phaseMs };
}
